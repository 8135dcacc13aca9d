import { z } from 'zod';
import type { Message } from '../pipeline/conversation.js';
import { invalid } from './errors.js';

/** Range of alpha that requests may ask for. */
export const ALPHA_RANGE = [0, 3] as const;

/** What requests may at most ask for, whatever the server is told. */
export const MOST = {
  choices: 16,
  stops: 4,
  stopLength: 256,
  messages: 256,
  prompts: 32,
  items: 256,
  neurons: 4096,
  topLogprobs: 20,
};

const NeuronList = z.array(z.tuple([z.int().min(0), z.int().min(0)])).max(MOST.neurons);

/** What this server adds to OpenAI's requests. */
export const ExtensionSchema = z.strictObject({
  /** Factor of the chosen neurons' activations; 1 leaves the model untouched. */
  alpha: z.number().min(ALPHA_RANGE[0]).max(ALPHA_RANGE[1]).optional(),
  score: z.boolean().optional(),
  /** Neurons that alpha scales, as [layer, index]; default: all H-Neurons. */
  neurons: NeuronList.optional(),
  /** Neurons of the detector whose CETT at each token is wanted. */
  cett: NeuronList.optional(),
  onRisk: z.enum(['annotate', 'retry', 'abstain']).optional(),
});

/** A field of OpenAI's that is accepted as long as it asks for nothing that this server does not do. */
const neutral = (test: (value: unknown) => boolean, said: string) =>
  z
    .unknown()
    .refine((value) => value == null || test(value), { message: `is not supported: ${said}` })
    .optional();

const isEmpty = (value: unknown) => Object.keys(value as object).length === 0;
const anything = z.unknown().optional();

/** Fields that the endpoints share. */
const common = {
  model: z.string().max(512).optional(),
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  n: z.int().min(1).max(MOST.choices).nullish(),
  stop: z
    .union([
      z.string().min(1).max(MOST.stopLength),
      z.array(z.string().min(1).max(MOST.stopLength)).max(MOST.stops),
    ])
    .nullish(),
  seed: z.int().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  // Not OpenAI's, but other servers have them under these names.
  top_k: z.int().min(0).max(1_000_000).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  hneurons: ExtensionSchema.optional(),
  user: z.string().max(1024).nullish(),
  frequency_penalty: neutral((value) => value === 0, 'only 0'),
  presence_penalty: neutral((value) => value === 0, 'only 0'),
  logit_bias: neutral(isEmpty, 'only an empty one'),
};

const Text = z.string();
const Part = z.strictObject({ type: z.literal('text'), text: Text });
const Content = z
  .union([Text, z.array(Part).min(1)])
  .transform((content) =>
    typeof content === 'string' ? content : content.map(({ text }) => text).join('\n'),
  );
const MessageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: Content,
  name: z.string().optional(),
});
export const MessagesSchema = z
  .array(MessageSchema)
  .min(1)
  .max(MOST.messages)
  .refine((messages) => messages.at(-1)?.role === 'user', { message: 'must end with a message of the user' })
  .transform((messages) =>
    messages.map(({ role, content }): Message => ({ role: role === 'developer' ? 'system' : role, content })),
  );

export const ChatSchema = z.strictObject({
  ...common,
  messages: MessagesSchema,
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(MOST.topLogprobs).nullish(),
  response_format: neutral((value) => (value as { type?: unknown }).type === 'text', 'only text'),
  tools: neutral(isEmpty, 'no tools'),
  tool_choice: neutral((value) => value === 'none' || value === 'auto', 'no tools'),
  functions: neutral(isEmpty, 'no tools'),
  modalities: neutral((value) => Array.isArray(value) && value.every((one) => one === 'text'), 'only text'),
  // These ask for nothing of a server that has one model, one tier and no memory.
  parallel_tool_calls: anything,
  store: neutral((value) => value === false, 'nothing is stored'),
  metadata: anything,
  service_tier: anything,
  reasoning_effort: anything,
  verbosity: anything,
  safety_identifier: anything,
  prompt_cache_key: anything,
  prompt_cache_retention: anything,
});
export type ChatBody = z.infer<typeof ChatSchema>;

const TokenList = z.array(z.int().min(0)).min(1);

export const CompletionSchema = z.strictObject({
  ...common,
  prompt: z.union([
    Text,
    TokenList,
    z.array(Text).min(1).max(MOST.prompts),
    z.array(TokenList).min(1).max(MOST.prompts),
  ]),
  logprobs: z.int().min(0).max(MOST.topLogprobs).nullish(),
  echo: neutral((value) => value === false, 'only false'),
  suffix: neutral((value) => value === '', 'only an empty one'),
  best_of: neutral((value) => value === 1, 'only 1'),
});
export type CompletionBody = z.infer<typeof CompletionSchema>;

const Answer = z.string().refine((text) => text.trim() !== '', { message: 'must not be empty' });
const Question = z.string().trim().min(1);
const ScoreItemSchema = z.union(
  [
    z.strictObject({ question: Question, answer: Answer }),
    z.strictObject({ messages: MessagesSchema, answer: Answer }),
  ],
  { error: 'must be { question, answer } or { messages, answer }, neither of them empty' },
);
export type ScoreItem = z.infer<typeof ScoreItemSchema>;

const SCORE_BODY = `must be { question, answer }, { messages, answer } or { items: [...] } with at most ${MOST.items} of them`;
const model = z.string().max(512).optional();

export const ScoreSchema = z.union(
  [
    z.strictObject({ items: z.array(ScoreItemSchema).min(1).max(MOST.items), model }),
    z
      .strictObject({ question: Question, answer: Answer, model })
      .transform(({ question, answer, model }) => ({ items: [{ question, answer } as ScoreItem], model })),
    z
      .strictObject({ messages: MessagesSchema, answer: Answer, model })
      .transform(({ messages, answer, model }) => ({ items: [{ messages, answer } as ScoreItem], model })),
  ],
  { error: SCORE_BODY },
);

/**
 * Checks a body against a schema.
 * @throws ApiError 400 that names the first field that is wrong
 */
export function parseBody<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue.code === 'unrecognized_keys') {
    const path = [...issue.path, issue.keys[0]].join('.').slice(0, 100);
    throw invalid(`unknown field ${JSON.stringify(path)}`, path, 'unknown_parameter');
  }
  const path = issue.path.join('.').slice(0, 100);
  throw invalid(`${path || 'the body'}: ${issue.message}`, path || undefined);
}
