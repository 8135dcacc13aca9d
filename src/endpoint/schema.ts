import { z } from 'zod';

const finish = z
  .string()
  .nullish()
  .transform((reason): 'stop' | 'length' | 'other' =>
    reason === 'stop' || reason === 'length' ? reason : 'other',
  );
const usage = z
  .object({ prompt_tokens: z.number(), completion_tokens: z.number() })
  .transform(({ prompt_tokens, completion_tokens }) => ({
    promptTokens: prompt_tokens,
    completionTokens: completion_tokens,
  }))
  // Of use only to those who count; no reason to refuse an answer.
  .optional()
  .catch(undefined);

const chatTokens = z
  .object({
    content: z
      .array(
        z.object({
          token: z.string(),
          logprob: z.number(),
          top_logprobs: z.array(z.object({ token: z.string(), logprob: z.number() })).nullish(),
        }),
      )
      .nullish(),
  })
  .nullish()
  .transform((value) =>
    value?.content?.map(({ token, logprob, top_logprobs }) => ({
      text: token,
      logProbability: logprob,
      top: (top_logprobs ?? []).map((one) => ({ text: one.token, logProbability: one.logprob })),
    })),
  );

/** An answer of `/chat/completions`, reduced to what is used. */
export const ChatAnswer = z.object({
  choices: z
    .array(
      z
        .object({
          message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
          finish_reason: finish,
          logprobs: chatTokens,
        })
        .transform(({ message, finish_reason, logprobs }) => ({
          text: message.content ?? message.refusal,
          finish: finish_reason,
          tokens: logprobs,
        })),
    )
    .min(1),
  usage,
});

const textTokens = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number().nullable()),
    top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
  })
  .nullish()
  // llama-server answers in the form of chat completions here.
  .catch(undefined)
  .transform((value) =>
    value?.tokens.map((text, i) => ({
      text,
      logProbability: value.token_logprobs[i] ?? 0,
      top: Object.entries(value.top_logprobs?.[i] ?? {}).map(([token, logProbability]) => ({
        text: token,
        logProbability,
      })),
    })),
  );

/** An answer of `/completions`, reduced to what is used. */
export const TextAnswer = z.object({
  choices: z
    .array(
      z
        .object({ text: z.string().nullish(), finish_reason: finish, logprobs: textTokens })
        .transform(({ text, finish_reason, logprobs }) => ({
          text,
          finish: finish_reason,
          tokens: logprobs,
        })),
    )
    .min(1),
  usage,
});
