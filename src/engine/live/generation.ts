import { randomStream } from '../sample/stream.js';
import type { EventLog, NumberedRequest } from './events.js';
import { type HeldText, heldText } from './held-text.js';
import type { PickedToken } from './picker.js';
import type { Kept } from './sequences.js';
import type { LiveEnd, LiveToken } from './types.js';

/** A token that is drawn, but not told yet. */
interface Drawn extends Omit<LiveToken, 'text' | 'bytes'> {
  cett?: Float32Array;
}

/** One request on its way: its prompt goes through the model, then token after token is drawn. */
export interface Generation {
  readonly request: NumberedRequest;
  /** Steering. */
  readonly key: string;
  /** Prompt and drawn tokens; those in `kept` are fed. */
  readonly tokens: number[];
  readonly uniform: () => number;
  readonly text: HeldText;
  drawn: number;
  kept?: Kept;
  /** Prompt tokens that a kept sequence saved when it began; undefined before. */
  cachedTokens?: number;
  /** Drawn tokens that are not told. */
  held: Drawn[];
  told: number;
  scored: number;
  finish?: LiveEnd['finish'];
  /** Row of its last token in the running batch; -1: not in it. */
  row: number;
}

export function makeGeneration(request: NumberedRequest, key: string): Generation {
  return {
    request,
    key,
    tokens: Array.from(request.prompt),
    uniform: randomStream(request.settings.seed, request.stream, 0),
    text: heldText(request.settings.stop.filter((stop) => stop !== '').map((stop) => Buffer.from(stop))),
    drawn: 0,
    held: [],
    told: 0,
    scored: 0,
    row: -1,
  };
}

/** Tokens that are still to be fed. */
export const pending = (generation: Generation): number =>
  generation.tokens.length - (generation.kept?.tokens.length ?? 0);

/** Whether the CETT of its last token is wanted: that is a drawn one. */
export const wantsCett = (generation: Generation): boolean =>
  generation.request.score === true && generation.drawn > 0;

/** Takes a drawn token; tells what is certain now. */
export function take(
  generation: Generation,
  { token, logProbability }: PickedToken,
  piece: Uint8Array | undefined,
  top: LiveToken['top'],
  log: EventLog,
): void {
  const { settings } = generation.request;
  generation.drawn++;
  if (!piece) generation.finish = 'end';
  else {
    generation.tokens.push(token);
    generation.held.push({ index: generation.told + generation.held.length, token, logProbability, top });
    if (generation.text.push(piece)) generation.finish = 'stop';
    else if (generation.drawn >= settings.maxTokens) generation.finish = 'length';
  }
  if (generation.finish) generation.text.finish();
  tell(generation, log);
}

/** Notes the CETT of its last fed token. */
export function takeCett(generation: Generation, values: Float32Array, log: EventLog): void {
  const index = generation.scored++;
  if (index < generation.told) log.cett(generation.request.number, index, values);
  else if (generation.held[index - generation.told])
    generation.held[index - generation.told].cett = values.slice();
}

/** Whether all is said that there is to say of it. */
export function isOver({ finish, request, told, scored }: Generation): boolean {
  return finish !== undefined && !(request.score && scored < told);
}

export function endOf({ finish, request, cachedTokens, drawn }: Generation): LiveEnd {
  return {
    finish: finish!,
    promptTokens: request.prompt.length,
    cachedTokens: cachedTokens ?? 0,
    generatedTokens: drawn,
  };
}

function tell(generation: Generation, log: EventLog): void {
  const { number } = generation.request;
  for (let spelt = generation.text.take(); spelt; spelt = generation.text.take()) {
    const token = generation.held.shift()!;
    log.token(number, { ...token, ...spelt });
    generation.told++;
    if (token.cett) log.cett(number, token.index, token.cett);
  }
}
