import type { LiveEnd, LiveToken } from '../engine/live/types.js';
import type { DrawSettings, Steering } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { Backend } from './backend.js';
import { invalid } from './errors.js';

/** One answer to be written. */
export interface AnswerRequest {
  prompt: Int32Array;
  settings: DrawSettings;
  /** Names the random stream together with the seed. */
  stream: string;
  steering?: Steering;
  top: number;
  score: boolean;
  /** White space at the beginning is left out. */
  trimStart: boolean;
}

export interface WrittenToken extends LiveToken {
  /** UTF-16 units of white space that `text` began with, and that were left out. */
  leftOut: number;
}

/** An answer that has been written. */
export interface Answer {
  text: string;
  /** Their texts joined are `text`. */
  tokens: WrittenToken[];
  /** CETT of the detector's neurons at each token; empty where no score was wanted. */
  cett: Float32Array[];
  end: LiveEnd;
}

/** What is heard of an answer while it is written. */
export interface AnswerListener {
  onToken(token: WrittenToken): void;
  onCett(index: number, cett: Float32Array): void;
}

let lastId = 0;

/**
 * Has the native side write an answer. Aborting the signal stops the computation at once.
 * @throws the signal's reason; ApiError 503 when the native process dies, 400 when the request does not fit
 */
export function writeAnswer(
  backend: Backend,
  request: AnswerRequest,
  signal: AbortSignal,
  listener?: AnswerListener,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const { trimStart, ...rest } = request;
    const id = String(++lastId);
    const tokens: WrittenToken[] = [];
    const cett: Float32Array[] = [];
    let begun = !trimStart;
    let settled = false;
    const settle = (finish: () => void) => {
      if (settled) return;
      settled = true;
      signal.removeEventListener('abort', abort);
      finish();
    };
    const abort = () => {
      backend.cancel(id);
      settle(() => reject(signal.reason));
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      backend.submit(
        { ...rest, id },
        {
          onToken(token) {
            if (settled) return;
            const text = begun ? token.text : token.text.trimStart();
            begun ||= text !== '';
            const leftOut = token.text.length - text.length;
            const bytes = token.bytes?.subarray(Buffer.byteLength(token.text.slice(0, leftOut)));
            const shown = { ...token, text, leftOut, ...(bytes && { bytes }) };
            tokens.push(shown);
            listener?.onToken(shown);
          },
          onCett(index, values) {
            if (settled) return;
            cett[index] = values;
            listener?.onCett(index, values);
          },
          onEnd(end) {
            settle(() => resolve({ text: tokens.map(({ text }) => text).join(''), tokens, cett, end }));
          },
          onError(error) {
            const told = error instanceof UserError ? invalid(error.message) : error;
            settle(() => reject(told));
          },
        },
      );
    } catch (error) {
      settle(() => reject(error));
    }
  });
}
