import { z } from 'zod';
import { type Content, contentOf } from '../endpoint/content.js';
import type { Ending } from '../endpoint/finish.js';
import type { Prompt } from '../pipeline/conversation.js';
import { type AnswerRisk, answerRisk, type RiskSettings, scoreWritten } from '../risk/index.js';
import { isGreedy } from './choice.js';
import { invalid } from './errors.js';
import { additions } from './generation.js';
import { ExtensionSchema, MessagesSchema, MOST, parseBody, SeedSchema } from './schemas.js';
import type { ServerContext } from './types.js';

/** What of a request we look at; everything else is passed on as it is. */
const ProxySchema = z.looseObject({
  model: z.string().max(512).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(MOST.choices).nullish(),
  seed: SeedSchema.nullish(),
  temperature: z.number().nullish(),
  top_k: z.number().nullish(),
  min_p: z.number().nullish(),
  chat_template_kwargs: z.unknown().optional(),
  tools: z.unknown().optional(),
  functions: z.unknown().optional(),
  documents: z.unknown().optional(),
  messages: z.array(z.unknown()).min(1).max(MOST.messages).optional(),
  prompt: z.unknown().optional(),
  hneurons: ExtensionSchema.nullish(),
});

/** A request for the other server, and how its answers are scored. */
export interface ProxyRequest {
  kind: 'chat' | 'text';
  path: string;
  /** The model's name as the client says it. */
  model?: string;
  /** As it goes to the other server, but for the model's name. */
  body: Record<string, unknown>;
  stream: boolean;
  includeUsage: boolean;
  /** Answers wanted in all. */
  count: number;
  n: number;
  /** Asked again it would come out the same. */
  greedy: boolean;
  seed?: number;
  onRisk: 'annotate' | 'retry' | 'abstain';
  /** Undefined: answers are not scored. */
  risk?: RiskSettings;
  /** Fields of the request that change the prompt there and not here. */
  unseen: string[];
  /** As our copy of the model is asked; an undefined one is in a form that we cannot read (tokens, images). */
  prompts: (Prompt | undefined)[];
}

/**
 * Checks a request and takes out what is ours.
 * @throws ApiError 400
 */
export async function proxyRequest(
  context: ServerContext,
  kind: ProxyRequest['kind'],
  given: unknown,
): Promise<ProxyRequest> {
  const { hneurons: ours, model, ...body } = parseBody(ProxySchema, given);
  const hneurons = ours ?? {};
  if ((hneurons.alpha !== undefined && hneurons.alpha !== 1) || hneurons.neurons) {
    throw invalid(
      'hneurons.alpha: another server writes the answers, its neurons cannot be scaled',
      'hneurons.alpha',
    );
  }
  const field = kind === 'chat' ? 'messages' : 'prompt';
  if (body[field] === undefined) throw invalid(`${field}: is missing`, field);
  const { risk, onRisk } = additions(context, hneurons);
  const prompts = kind === 'chat' ? [await chatPrompt(context, body.messages)] : textPrompts(body.prompt);
  const n = body.n ?? 1;
  return {
    kind,
    path: kind === 'chat' ? '/chat/completions' : '/completions',
    model: model ?? undefined,
    body,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    count: n * prompts.length,
    n,
    greedy: isGreedy({ temperature: body.temperature ?? 1, topK: body.top_k ?? 0, minP: body.min_p ?? 0 }),
    // −1 asks for a fresh one each time, so none is to be counted up from.
    seed: body.seed === -1 ? undefined : (body.seed ?? undefined),
    onRisk,
    risk,
    unseen: kind === 'chat' ? unseenIn(body) : [],
    prompts,
  };
}

/** Fields that a chat template may read, and that our copy of the model does not get. */
function unseenIn(body: Record<string, unknown>): string[] {
  const names = ['tools', 'functions', 'documents'].filter((name) => {
    const value = body[name];
    return Array.isArray(value) && value.length > 0;
  });
  // Our prompts ask for no thought, so that this alone is the same.
  const kwargs = Object.entries(body.chat_template_kwargs ?? {}).filter(
    ([name, value]) => !(/^(?:enable_)?thinking$/.test(name) && value === false),
  );
  return kwargs.length > 0 ? [...names, 'chat_template_kwargs'] : names;
}

async function chatPrompt(context: ServerContext, messages: unknown): Promise<Prompt | undefined> {
  const parsed = MessagesSchema.safeParse(messages);
  return parsed.success ? context.prompts.ofMessages(parsed.data) : undefined;
}

function textPrompts(prompt: unknown): (Prompt | undefined)[] {
  const one = (text: unknown): Prompt | undefined =>
    typeof text === 'string'
      ? { text, tokenize: { special: true, bos: true }, stop: [], continues: false }
      : undefined;
  return Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.map(one) : [one(prompt)];
}

/** No token is longer than this on average over a whole text; a longer one is not even tokenised. */
const TOKEN_CHARACTERS = 64;

/** What a choice says, whole or a part of it, in the form of its endpoint or of the other one; undefined for another form. */
export function foreignContent(
  kind: ProxyRequest['kind'],
  choice: Record<string, unknown>,
): Content | undefined {
  const message = [choice.delta, choice.message].find((one) => typeof one === 'object' && one !== null);
  const text = choice.text ?? undefined;
  if (kind === 'text' && text !== undefined) return contentOf({ content: text });
  return contentOf((message ?? { content: text }) as Record<string, unknown>);
}

/** An answer of the other server, complete or cut off. */
export interface ForeignAnswer {
  text: string;
  /** A thought came apart from the text. */
  thought: boolean;
  /** Undefined where the server does not say. */
  ending: Ending | undefined;
}

/**
 * What our copy of the model says about an answer of the other server. One that it cannot read (in tokens or images, without text, too
 * long), and one that the server broke off, is `uncertain`, with no number.
 * @throws ApiError 503 when the native process dies
 */
export async function scoreAnswer(
  context: ServerContext,
  { prompts, unseen, n }: ProxyRequest,
  risk: RiskSettings,
  index: number,
  { text, thought, ending }: ForeignAnswer,
  signal: AbortSignal,
): Promise<AnswerRisk> {
  const prompt = prompts[Math.floor(index / n)];
  const differs = thought ? ['reasoning', ...unseen] : unseen;
  const scored = await scoreText(context, risk, ending === 'broken' ? undefined : prompt, text, signal);
  return {
    ...scored,
    ...(differs.length > 0 && { unseen: differs }),
    ...(ending === undefined && { ending: 'unknown' as const }),
    ...(ending === 'broken' && { ending: 'cut_off' as const }),
  };
}

async function scoreText(
  { backend, settings }: ServerContext,
  risk: RiskSettings,
  prompt: Prompt | undefined,
  answer: string,
  signal: AbortSignal,
): Promise<AnswerRisk> {
  const unread = () => answerRisk(risk, { text: '', texts: [], cett: [] });
  if (!prompt || !answer || prompt.text.length + answer.length > TOKEN_CHARACTERS * settings.contextTokens) {
    return unread();
  }
  return backend.call(async (engine) => {
    const [tokens] = await engine.tokenize([prompt.text + answer], prompt.tokenize);
    if (tokens.length > settings.contextTokens) return unread();
    const written = [{ prompt: prompt.text, answer }];
    const [scored] = await scoreWritten(engine, risk, written, prompt.tokenize, signal);
    return scored ?? unread();
  });
}
