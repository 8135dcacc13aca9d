import { randomUUID } from 'node:crypto';
import type { LiveToken } from '../engine/live/types.js';
import type { StreamedRisk } from '../risk/index.js';
import type { Choice, Usage } from './choice.js';
import type { Generation } from './generation.js';

/** The fields that all bodies of one answer share. */
export interface Envelope {
  kind: Generation['kind'];
  /** Undefined: no log probabilities. */
  logprobs?: number;
  id: string;
  created: number;
  model: string;
}

/** What has come of one choice of a stream since the last chunk. */
export interface Part {
  text: string;
  tokens: LiveToken[];
  risks: StreamedRisk[];
}

export function envelope({ kind, logprobs }: Generation, model: string): Envelope {
  const id = `${kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID()}`;
  return { kind, logprobs, id, created: Math.floor(Date.now() / 1000), model };
}

/** The whole answer, not streamed. */
export function wholeBody(head: Envelope, choices: Choice[], usage: Usage): object {
  return {
    ...shell(head, head.kind === 'chat' ? 'chat.completion' : 'text_completion'),
    choices: choices.map(({ text, tokens, finish, risk }, index) => ({
      index,
      ...(head.kind === 'chat' ? { message: { role: 'assistant', content: text, refusal: null } } : { text }),
      logprobs: logprobsOf(head, tokens, 0),
      finish_reason: finish,
      ...(risk && { hneurons: risk }),
    })),
    usage: usageBody(usage),
  };
}

/** The chunk that begins each choice of a chat. */
export function firstChunk(head: Envelope, index: number): object {
  return chunk(head, {
    index,
    delta: { role: 'assistant', content: '' },
    logprobs: null,
    finish_reason: null,
  });
}

/** A chunk with what has come. `offset`: length of the text before it. */
export function partChunk(
  head: Envelope,
  index: number,
  { text, tokens, risks }: Part,
  offset: number,
): object {
  return chunk(head, {
    index,
    ...(head.kind === 'chat' ? { delta: text ? { content: text } : {} } : { text }),
    logprobs: tokens.length > 0 ? logprobsOf(head, tokens, offset) : null,
    finish_reason: null,
    ...(risks.length > 0 && { hneurons: { tokens: risks } }),
  });
}

/** The chunk that ends a choice. */
export function lastChunk(
  head: Envelope,
  index: number,
  { finish, risk }: Omit<Choice, 'text' | 'tokens'>,
): object {
  return chunk(head, {
    index,
    ...(head.kind === 'chat' ? { delta: {} } : { text: '' }),
    logprobs: null,
    finish_reason: finish,
    ...(risk && { hneurons: risk }),
  });
}

export function usageChunk(head: Envelope, usage: Usage): object {
  return { ...chunkShell(head), choices: [], usage: usageBody(usage) };
}

const chunk = (head: Envelope, choice: object) => ({ ...chunkShell(head), choices: [choice] });
const chunkShell = (head: Envelope) =>
  shell(head, head.kind === 'chat' ? 'chat.completion.chunk' : 'text_completion');
const shell = ({ id, created, model }: Envelope, object: string) => ({ id, object, created, model });

function usageBody({ prompt, cached, generated }: Usage): object {
  return {
    prompt_tokens: prompt,
    completion_tokens: generated,
    total_tokens: prompt + generated,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

function logprobsOf({ kind, logprobs }: Envelope, tokens: LiveToken[], offset: number): object | null {
  if (logprobs === undefined) return null;
  if (kind === 'chat') {
    const content = tokens.map((token) => ({
      ...entryOf(token),
      top_logprobs: likelyOf(token).map(entryOf),
    }));
    return { content, refusal: null };
  }
  let at = offset;
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logProbability }) => logProbability),
    top_logprobs: tokens.map((token) =>
      Object.fromEntries(likelyOf(token).map(({ text, logProbability }) => [text, logProbability])),
    ),
    text_offset: tokens.map(({ text }) => {
      const start = at;
      at += text.length;
      return start;
    }),
  };
}

/** Bytes of all tokens, joined, are the answer: a token may be a part of a character. */
function entryOf({ text, bytes, logProbability }: Likely): object {
  return { token: text, logprob: logProbability, bytes: [...(bytes ?? Buffer.from(text))] };
}

type Likely = NonNullable<LiveToken['top']>[number];

/** The token that was drawn is spelled among the likely ones as in the answer, where a part of it may be left out. */
function likelyOf({ token, text, bytes, top = [] }: LiveToken): Likely[] {
  return top.map((one) => (one.token === token ? { ...one, text, bytes } : one));
}
