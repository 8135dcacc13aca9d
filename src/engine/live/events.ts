import { UserError } from '../../errors.js';
import type { LiveEnd, LiveListener, LiveRequest, LiveToken } from './types.js';

/** A request on its way to the native process; `number` is never used twice. */
export interface NumberedRequest extends Omit<LiveRequest, 'id' | 'prompt'> {
  number: number;
  prompt: Int32Array;
}

/** What happened in one step, of all requests, in columns. In order: tokens, then CETT, then ends and failures. */
export interface LiveEvents {
  /** Request, index in the answer and id of each token. */
  tokens: Int32Array;
  texts: string[];
  /** Where they are not those of the text: the bytes of each, at the place of the token. */
  bytes: (LiveToken['bytes'] | undefined)[];
  logProbabilities: Float64Array;
  /** Where wanted: the most likely tokens of each, at the place of the token. */
  tops: (LiveToken['top'] | undefined)[];
  /** Request and index of each token whose CETT is known. */
  scored: Int32Array;
  /** `[scored, watched]` */
  cett: Float32Array;
  ends: { number: number; end: LiveEnd }[];
  failures: { number: number; message: string; exitCode?: 1 | 2 }[];
}

/** Collects the events of a step; its arrays are reused. */
export interface EventLog {
  token(number: number, told: LiveToken): void;
  cett(number: number, index: number, values: Float32Array): void;
  end(number: number, end: LiveEnd): void;
  failure(number: number, error: Error): void;
  /** What was collected, valid until more is; undefined when it is nothing. */
  take(): LiveEvents | undefined;
}

const TOKEN_COLUMNS = 3;
const SCORED_COLUMNS = 2;

export function makeEventLog(watched: number): EventLog {
  let tokens = new Int32Array(64 * TOKEN_COLUMNS);
  let logProbabilities = new Float64Array(64);
  let scored = new Int32Array(64 * SCORED_COLUMNS);
  let cett = new Float32Array(64 * watched);
  let told = 0;
  let heard = 0;
  let texts: string[] = [];
  let tops: LiveEvents['tops'] = [];
  let raw: LiveEvents['bytes'] = [];
  let ends: LiveEvents['ends'] = [];
  let failures: LiveEvents['failures'] = [];
  return {
    token(number, { index, token, text, bytes, logProbability, top }) {
      if (told === logProbabilities.length) {
        tokens = doubled(tokens);
        logProbabilities = doubled(logProbabilities);
      }
      tokens[told * TOKEN_COLUMNS] = number;
      tokens[told * TOKEN_COLUMNS + 1] = index;
      tokens[told * TOKEN_COLUMNS + 2] = token;
      logProbabilities[told] = logProbability;
      if (top) tops[told] = top;
      if (bytes) raw[told] = bytes;
      texts.push(text);
      told++;
    },
    cett(number, index, values) {
      if (heard * SCORED_COLUMNS === scored.length) {
        scored = doubled(scored);
        cett = doubled(cett);
      }
      scored[heard * SCORED_COLUMNS] = number;
      scored[heard * SCORED_COLUMNS + 1] = index;
      cett.set(values, heard * watched);
      heard++;
    },
    end(number, end) {
      ends.push({ number, end });
    },
    failure(number, error) {
      failures.push({
        number,
        message: error.message,
        exitCode: error instanceof UserError ? error.exitCode : undefined,
      });
    },
    take() {
      if (told + heard + ends.length + failures.length === 0) return undefined;
      const events: LiveEvents = {
        tokens: tokens.subarray(0, told * TOKEN_COLUMNS),
        logProbabilities: logProbabilities.subarray(0, told),
        texts,
        bytes: raw,
        tops,
        scored: scored.subarray(0, heard * SCORED_COLUMNS),
        cett: cett.subarray(0, heard * watched),
        ends,
        failures,
      };
      told = 0;
      heard = 0;
      texts = [];
      tops = [];
      raw = [];
      ends = [];
      failures = [];
      return events;
    },
  };
}

function doubled<T extends Int32Array | Float32Array | Float64Array>(values: T): T {
  const Type = values.constructor as new (length: number) => T;
  const larger = new Type(values.length * 2);
  larger.set(values as never);
  return larger;
}

/** Tells each listener what concerns it. `listener` gives undefined for requests that nobody hears any more. */
export function tellEvents(
  events: LiveEvents,
  watched: number,
  listener: (number: number) => LiveListener | undefined,
): void {
  const { tokens, texts, bytes, logProbabilities, tops, scored, cett } = events;
  for (let i = 0; i < texts.length; i++)
    listener(tokens[i * TOKEN_COLUMNS])?.onToken?.({
      index: tokens[i * TOKEN_COLUMNS + 1],
      token: tokens[i * TOKEN_COLUMNS + 2],
      text: texts[i],
      logProbability: logProbabilities[i],
      ...(bytes[i] && { bytes: bytes[i] }),
      ...(tops[i] && { top: tops[i] }),
    });
  for (let i = 0; i * SCORED_COLUMNS < scored.length; i++)
    listener(scored[i * SCORED_COLUMNS])?.onCett?.(
      scored[i * SCORED_COLUMNS + 1],
      cett.slice(i * watched, (i + 1) * watched),
    );
  for (const { number, end } of events.ends) listener(number)?.onEnd(end);
  for (const { number, message, exitCode } of events.failures)
    listener(number)?.onError(
      exitCode === undefined ? new Error(message) : new UserError(message, { exitCode }),
    );
}
