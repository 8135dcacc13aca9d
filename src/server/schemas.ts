import { z } from 'zod';
import type { Message } from '../pipeline/conversation.js';
import { ApiError, invalid } from './errors.js';

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

const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;
const isEmptyObject = (value: unknown) =>
  typeof value === 'object' && !Array.isArray(value) && Object.keys(value!).length === 0;
const anything = z.unknown().optional();
/** What a field that is there, but of no form that is known, is told; one that is not there is missing. */
const expected = (what: string) => ({
  error: ({ input }: { input?: unknown }) => (input === undefined ? MISSING : `must be ${what}`),
});
const MISSING = 'is missing';

/** Whole numbers of 64 bits, as other servers take them. Beyond 2^53 JSON rounds them, and neighbours draw alike. */
export const SeedSchema = z.number().refine((seed) => Number.isInteger(seed) && Math.abs(seed) <= 2 ** 63, {
  message: 'must be a whole number of at most 64 bits',
});
const StopText = z.string().min(1).max(MOST.stopLength);

/** −1, as other servers take it, is no limit. */
const TokenLimit = z
  .int()
  .refine((value) => value >= 1 || value === -1, { message: 'must be at least 1, or -1 for no limit' });

/** Fields that the endpoints share. */
const common = {
  model: z.string().max(512).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().nullish(),
      include_obfuscation: z.boolean().nullish(),
      continuous_usage_stats: neutral((value) => value === false, 'only false'),
    })
    .nullish(),
  n: z.int().min(1).max(MOST.choices).nullish(),
  stop: z
    .union(
      [StopText, z.array(StopText).max(MOST.stops)],
      expected(`a text of 1 to ${MOST.stopLength} characters, or at most ${MOST.stops} of them`),
    )
    .nullish(),
  seed: SeedSchema.nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  // Not OpenAI's, but other servers have them under these names.
  // −1 is other servers' way to switch it off.
  top_k: z
    .int()
    .min(-1)
    .max(1_000_000)
    .transform((value) => Math.max(0, value))
    .nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  max_tokens: TokenLimit.nullish(),
  hneurons: ExtensionSchema.nullish(),
  user: z.string().max(1024).nullish(),
  frequency_penalty: neutral((value) => value === 0, 'only 0'),
  presence_penalty: neutral((value) => value === 0, 'only 0'),
  logit_bias: neutral(isEmptyObject, 'only an empty one'),
  // Not OpenAI's: what clients of other servers send at the value that changes nothing.
  repetition_penalty: neutral((value) => value === 1, 'only 1'),
  repeat_penalty: neutral((value) => value === 1, 'only 1'),
  typical_p: neutral((value) => value === 1, 'only 1'),
  mirostat: neutral((value) => value === 0, 'only 0'),
  ignore_eos: neutral((value) => value === false, 'only false'),
  skip_special_tokens: neutral((value) => value === true, 'only true'),
};

const Text = z.string();
/** `cache_control` asks for a cache, which changes no answer. */
const Part = z.strictObject({ type: z.literal('text'), text: Text, cache_control: anything });
const Content = z
  .union(
    [Text, z.array(Part).min(1)],
    expected('a text, or a list of parts { "type": "text", "text": … }; no images, sounds or files'),
  )
  .transform((content) =>
    typeof content === 'string' ? content : content.map(({ text }) => text).join('\n'),
  );
const isNothing = () => false;
/** Answers come back as clients got them, with fields of OpenAI's that are empty. */
const MessageSchema = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: Content,
  // Told to no model: templates have no place for it. Frameworks send it with every message.
  name: z.string().max(512).nullish(),
  refusal: neutral(isNothing, 'only null'),
  audio: neutral(isNothing, 'only text'),
  annotations: neutral(isEmptyList, 'only an empty list'),
  tool_calls: neutral(isEmptyList, 'no tools'),
  function_call: neutral(isNothing, 'no tools'),
  // Thoughts of earlier answers are told to no model.
  reasoning_content: anything,
  reasoning: anything,
  id: anything,
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
  max_completion_tokens: TokenLimit.nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(MOST.topLogprobs).nullish(),
  response_format: neutral((value) => (value as { type?: unknown }).type === 'text', 'only text'),
  tools: neutral(isEmptyList, 'no tools'),
  tool_choice: neutral((value) => value === 'none' || value === 'auto', 'no tools'),
  functions: neutral(isEmptyList, 'no tools'),
  function_call: neutral((value) => value === 'none' || value === 'auto', 'no tools'),
  chat_template_kwargs: neutral(isEmptyObject, 'only an empty one'),
  add_generation_prompt: neutral((value) => value === true, 'only true'),
  modalities: neutral((value) => Array.isArray(value) && value.every((one) => one === 'text'), 'only text'),
  reasoning_effort: neutral((value) => value === 'none', 'only "none"'),
  verbosity: neutral((value) => value === 'medium', 'only "medium"'),
  // These ask for nothing of a server that has one model, one tier and no memory.
  parallel_tool_calls: anything,
  store: neutral((value) => value === false, 'nothing is stored'),
  metadata: anything,
  service_tier: anything,
  safety_identifier: anything,
  prompt_cache_key: anything,
  prompt_cache_retention: anything,
});
export type ChatBody = z.infer<typeof ChatSchema>;

const TokenList = z.array(z.int().min(0)).min(1);

export const CompletionSchema = z.strictObject({
  ...common,
  prompt: z.union(
    [Text, TokenList, z.array(Text).min(1).max(MOST.prompts), z.array(TokenList).min(1).max(MOST.prompts)],
    expected(`a text, a list of tokens, or 1 to ${MOST.prompts} of either`),
  ),
  logprobs: z.int().min(0).max(MOST.topLogprobs).nullish(),
  echo: neutral((value) => value === false, 'only false'),
  suffix: neutral((value) => value === '', 'only an empty one'),
  best_of: neutral((value) => value === 1, 'only 1'),
});
export type CompletionBody = z.infer<typeof CompletionSchema>;

const Answer = z.string().refine((text) => text.trim() !== '', { message: 'must not be empty' });
const Question = z.string().trim().min(1);
const QuestionItem = z.strictObject({ question: Question, answer: Answer });
const MessagesItem = z.strictObject({ messages: MessagesSchema, answer: Answer });
export type ScoreItem = z.infer<typeof QuestionItem> | z.infer<typeof MessagesItem>;

const model = z.string().max(512).nullish();
const ScoreItems = z.strictObject({ items: z.array(z.unknown()).min(1).max(MOST.items), model });

/**
 * Checks the body of `/v1/score`.
 * @returns the items, each of them checked for itself: one that is wrong does not cost the others their scores
 * @throws ApiError 400 where no item can be found, and for a wrong one that is not in a list
 */
export function parseScoreBody(body: unknown): { items: (ScoreItem | ApiError)[]; model?: string | null } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid(
      `the body: must be { question, answer }, { messages, answer } or { items: [...] } with at most ${MOST.items} of them`,
    );
  }
  if ('items' in body) {
    const { items, model } = parseBody(ScoreItems, body);
    return { items: items.map((item, i) => itemOrError(item, `items.${i}`)), model };
  }
  const { model: name, ...item } = body as { model?: unknown };
  return { items: [parseScoreItem(item)], model: parseBody(z.object({ model }), { model: name }).model };
}

function parseScoreItem(item: unknown): ScoreItem {
  const chosen =
    typeof item === 'object' && item !== null && 'messages' in item ? MessagesItem : QuestionItem;
  return parseBody<z.ZodType<ScoreItem>>(chosen, item);
}

function itemOrError(item: unknown, place: string): ScoreItem | ApiError {
  try {
    return parseScoreItem(item);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { param, code } = error;
    // A field is named at the beginning of its message; an item as a whole is "the body" there.
    const message = error.message.replace(/^the body: /, '');
    const named = param !== null && message.startsWith(`${param}: `);
    return invalid(
      `${place}${named ? '.' : ': '}${message}`,
      param === null ? place : `${place}.${param}`,
      code ?? undefined,
    );
  }
}

/** Takes unknown fields that are null out of a body, as null changes no answer. @returns whether there were any */
function dropUnknownNulls(body: unknown, issues: readonly z.core.$ZodIssue[]): boolean {
  let dropped = false;
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const owner = issue.path.reduce((inner, part) => (inner as Record<PropertyKey, unknown>)[part], body);
    for (const key of issue.keys) {
      if ((owner as Record<string, unknown>)[key] !== null) continue;
      delete (owner as Record<string, unknown>)[key];
      dropped = true;
    }
  }
  return dropped;
}

/**
 * Checks a body against a schema. Unknown fields that are null are passed over.
 * @throws ApiError 400 that names the first field that is wrong
 */
export function parseBody<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parse = () =>
    schema.safeParse(value, {
      error: ({ code, input }) => (code === 'invalid_type' && input === undefined ? MISSING : undefined),
    });
  let parsed = parse();
  if (!parsed.success && dropUnknownNulls(value, parsed.error.issues)) parsed = parse();
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue.code === 'unrecognized_keys') {
    const path = [...issue.path, issue.keys[0]].join('.').slice(0, 100);
    throw invalid(`unknown field ${JSON.stringify(path)}`, path, 'unknown_parameter');
  }
  const path = issue.path.join('.').slice(0, 100);
  throw invalid(`${path || 'the body'}: ${issue.message}`, path || undefined);
}
