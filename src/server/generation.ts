import { randomInt } from 'node:crypto';
import { opensThought } from '../engine/text/thought.js';
import type { DrawSettings, Steering } from '../engine/types.js';
import type { GuardMode, RiskSettings } from '../risk/index.js';
import { invalid, maximumContext } from './errors.js';
import type { ChatBody, CompletionBody } from './schemas.js';
import type { ServerContext } from './types.js';

/** A request for answers, checked, with everything filled in. */
export interface Generation {
  kind: 'chat' | 'text';
  stream: boolean;
  includeUsage: boolean;
  prompts: Int32Array[];
  /** Answers to each prompt. */
  n: number;
  settings: DrawSettings;
  /** How many likely tokens are given with each; undefined: no log probabilities. */
  logprobs?: number;
  trimStart: boolean;
  steering: Steering;
  /** What answers are scored with; undefined: they are not. */
  risk?: RiskSettings;
  onRisk: GuardMode;
}

/** What differs between the two endpoints. */
type Own = Pick<Generation, 'kind' | 'prompts' | 'logprobs' | 'trimStart'> & {
  /** Undefined: as many as fit. */
  maxTokens: number | undefined;
  stop: string[];
  /** The field that prompts come from. */
  param: string;
};

/** OpenAI's default for completions. */
const COMPLETION_TOKENS = 16;
/** No token is longer than this on average over a whole prompt; a longer text is not even tokenised. */
const TOKEN_CHARACTERS = 64;
const SEEDS = 2 ** 32;

/**
 * What a chat request asks for.
 * @throws ApiError 400
 */
export async function chatGeneration(context: ServerContext, body: ChatBody): Promise<Generation> {
  const { text, tokenize, stop, continues } = await context.prompts.ofMessages(body.messages);
  const generation = complete(context, body, {
    kind: 'chat',
    prompts: await tokenise(context, [text], tokenize, 'messages'),
    logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
    trimStart: continues,
    maxTokens: limitOf(body.max_completion_tokens ?? body.max_tokens ?? -1),
    stop,
    param: 'messages',
  });
  if (generation.risk && opensThought(text)) generation.risk.opensThought = true;
  return generation;
}

/**
 * What a completion request asks for: prompts are texts or tokens, as they are.
 * @throws ApiError 400
 */
export async function completionGeneration(
  context: ServerContext,
  body: CompletionBody,
): Promise<Generation> {
  return complete(context, body, {
    kind: 'text',
    prompts: await completionPrompts(context, body.prompt),
    logprobs: body.logprobs ?? undefined,
    trimStart: false,
    maxTokens: limitOf(body.max_tokens ?? COMPLETION_TOKENS),
    stop: [],
    param: 'prompt',
  });
}

/** −1 is no limit: as many as fit. */
const limitOf = (tokens: number): number | undefined => (tokens === -1 ? undefined : tokens);

/** Any whole number may be sent; −1 is a fresh one, as for llama.cpp and vLLM. */
function seedOf(seed: number | null | undefined): number {
  return seed == null || seed === -1 ? randomInt(SEEDS) : ((seed % SEEDS) + SEEDS) % SEEDS;
}

async function completionPrompts(
  context: ServerContext,
  prompt: CompletionBody['prompt'],
): Promise<Int32Array[]> {
  if (typeof prompt === 'string') return completionPrompts(context, [prompt]);
  if (typeof prompt[0] === 'number') return completionPrompts(context, [prompt as number[]]);
  if (typeof prompt[0] === 'string') {
    return tokenise(context, prompt as string[], { special: true, bos: true }, 'prompt');
  }
  return (prompt as number[][]).map((tokens) => {
    if (tokens.some((token) => token >= context.model.vocab)) {
      throw invalid(`prompt: a token is not below ${context.model.vocab}`, 'prompt');
    }
    return Int32Array.from(tokens);
  });
}

async function tokenise(
  { backend, settings }: ServerContext,
  texts: string[],
  how: { special: boolean; bos: boolean },
  param: string,
): Promise<Int32Array[]> {
  const longest = texts.reduce((most, text) => Math.max(most, text.length), 0);
  if (longest > TOKEN_CHARACTERS * settings.contextTokens) throw tooLong(settings.contextTokens, param);
  return backend.call((engine) => engine.tokenize(texts, how));
}

function complete(context: ServerContext, body: ChatBody | CompletionBody, own: Own): Generation {
  const { settings } = context;
  const { maxTokens, stop, param, ...rest } = own;
  const n = body.n ?? 1;
  const longest = own.prompts.reduce((most, tokens) => Math.max(most, tokens.length), 0);
  const room = settings.contextTokens - longest;
  if (longest === 0) throw invalid(`${param}: must not be empty`, param);
  if (room < 1) throw tooLong(settings.contextTokens, param, longest);
  if ((maxTokens ?? 1) > room) {
    throw invalid(
      `${longest} tokens of the prompt and ${maxTokens} of the answer are too many: ${maximumContext(settings.contextTokens)}`,
      'max_tokens',
      'context_length_exceeded',
    );
  }
  const temperature = body.temperature ?? 1;
  return {
    ...rest,
    n,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    settings: {
      temperature,
      topK: body.top_k ?? 0,
      topP: body.top_p ?? 1,
      minP: body.min_p ?? 0,
      maxTokens: maxTokens ?? room,
      stop: [...stop, ...(typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []))],
      seed: seedOf(body.seed),
    },
    ...additions(context, body.hneurons ?? {}),
  };
}

/** What a request says in `hneurons`, against what this server can do. */
export function additions(
  { served, model, settings }: ServerContext,
  wish: NonNullable<ChatBody['hneurons']>,
): Pick<Generation, 'steering' | 'risk' | 'onRisk'> {
  const { layers, ffn } = model;
  const alpha = wish.alpha ?? settings.alpha;
  const flat = (list: [number, number][], field: string) =>
    list.map(([layer, index]) => {
      if (layer >= layers || index >= ffn) {
        throw invalid(`${field}: the model has ${layers} layers of ${ffn} neurons`, field);
      }
      return layer * ffn + index;
    });
  const own = served?.detector.neurons ?? [];
  const places = new Map(own.map(({ layer, index }, place) => [layer * ffn + index, place]));
  const neurons = wish.neurons
    ? [...new Set(flat(wish.neurons, 'hneurons.neurons'))]
    : own.flatMap(({ layer, index, weight }) => (weight > 0 ? [layer * ffn + index] : []));
  if (wish.alpha !== undefined && alpha !== 1 && !served && !wish.neurons) {
    throw invalid(
      'hneurons.alpha: without a detector say which neurons with hneurons.neurons',
      'hneurons.alpha',
    );
  }
  const needsDetector = (['score', 'cett', 'onRisk'] as const).find(
    (field) => wish[field] && wish[field] !== 'annotate',
  );
  if (!served && needsDetector) {
    throw invalid(`hneurons.${needsDetector}: this server has no detector`, `hneurons.${needsDetector}`);
  }
  const score = served !== undefined && (wish.score ?? true);
  if (!score && wish.onRisk && wish.onRisk !== 'annotate') {
    throw invalid('hneurons.onRisk: it needs the score that hneurons.score switches off', 'hneurons.onRisk');
  }
  const shown = wish.cett && flat(wish.cett, 'hneurons.cett').map((neuron) => places.get(neuron));
  if (shown?.includes(undefined)) {
    throw invalid('hneurons.cett: only neurons of the detector are watched', 'hneurons.cett');
  }
  return {
    steering: { neurons, alpha },
    onRisk: score ? (wish.onRisk ?? settings.onRisk) : 'annotate',
    ...(score && {
      risk: {
        detector: served.detector,
        heldOut: served.heldOut,
        threshold: settings.threshold,
        alpha,
        shown: shown as number[] | undefined,
      },
    }),
  };
}

const tooLong = (most: number, param: string, length?: number) =>
  invalid(
    `${param}: ${length === undefined ? 'it is too long' : `${length} tokens are too many`}: ${maximumContext(most)}`,
    param,
    'context_length_exceeded',
  );
