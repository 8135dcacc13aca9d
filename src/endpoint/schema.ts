import { z } from 'zod';
import { contentOf } from './content.js';
import { endingOf } from './finish.js';
import type { Choice } from './types.js';

const finish = z.unknown().transform((reason): Choice['finish'] => endingOf(reason) ?? 'other');
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
          message: z.looseObject({ refusal: z.string().nullish() }).transform((message, context) => {
            const content = contentOf(message);
            if (content !== undefined) {
              const text =
                message.content === null || message.content === undefined ? undefined : content.text;
              return { text: text ?? message.refusal, thought: content.thought };
            }
            context.addIssue({ code: 'custom', message: 'is no text', path: ['content'] });
            return z.NEVER;
          }),
          finish_reason: finish.optional(),
          logprobs: chatTokens,
        })
        .transform(({ message, finish_reason, logprobs }) => ({
          text: message.text,
          finish: finish_reason ?? 'other',
          ...(message.thought && { thought: true as const }),
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
        .object({ text: z.string().nullish(), finish_reason: finish.optional(), logprobs: textTokens })
        .transform(({ text, finish_reason, logprobs }) => ({
          text,
          finish: finish_reason ?? 'other',
          tokens: logprobs,
        })),
    )
    .min(1),
  usage,
});
