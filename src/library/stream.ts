import type { LiveEnd, LiveRequest, LiveSession } from '../engine/live/types.js';
import { type AnswerRisk, type RiskSettings, riskStream } from '../risk/index.js';

/** A token of an answer under way. */
export interface AnswerToken {
  /** From 0. */
  index: number;
  /** What it adds to the text. */
  text: string;
  /** Of this token, by the model at temperature 1. */
  logProbability: number;
  /** Calibrated probability of the score of this token alone; undefined without a detector. */
  risk?: number;
}

/** An answer that is complete. */
export interface Answer {
  text: string;
  tokens: AnswerToken[];
  /** What the detector says about it; undefined without one. */
  risk?: AnswerRisk;
  /** `stop`: it came to its end; `length`: it was cut off at `maxTokens`. */
  finish: 'stop' | 'length';
  promptTokens: number;
  generatedTokens: number;
}

/**
 * An answer while it is written: `for await` gives its tokens, with their risk where there is a detector; `answer` is the whole.
 * Leaving the loop stops the computation, and `answer` then rejects.
 */
export interface AnswerStream extends AsyncIterable<AnswerToken> {
  readonly answer: Promise<Answer>;
}

/**
 * Starts an answer in a live session.
 * @param trimStart leave out white space at the beginning: the answer goes on within the prompt's last line
 */
export function startAnswer(
  session: LiveSession,
  request: LiveRequest,
  settings: RiskSettings | undefined,
  options: { trimStart: boolean; signal?: AbortSignal },
): AnswerStream {
  const { signal } = options;
  const risks = settings && riskStream(settings);
  const tokens: AnswerToken[] = [];
  let ready = 0;
  let begun = !options.trimStart;
  let over = false;
  let wake = () => {};
  let resolve: (answer: Answer) => void;
  let reject: (error: unknown) => void;
  const answer = new Promise<Answer>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  // Who only reads the tokens hears of a failure there.
  answer.catch(() => {});
  const settle = (act: () => void) => {
    if (over) return;
    over = true;
    signal?.removeEventListener('abort', abort);
    act();
    wake();
  };
  const stop = (reason: unknown) =>
    settle(() => {
      session.cancel(request.id);
      reject(reason);
    });
  const abort = () => stop(signal!.reason);
  if (signal?.aborted) stop(signal.reason);
  else {
    signal?.addEventListener('abort', abort, { once: true });
    session.submit(request, {
      onToken({ index, text: whole, logProbability }) {
        const text = begun ? whole : whole.trimStart();
        begun ||= text !== '';
        tokens.push({ index, text, logProbability });
        risks?.token(text, whole.length - text.length);
        if (!risks) ready = tokens.length;
        wake();
      },
      onCett(index, values) {
        if (!risks) return;
        tokens[index].risk = risks.cett(index, values).risk;
        ready = index + 1;
        wake();
      },
      onEnd: (end) => settle(() => resolve(finished(tokens, end, risks?.finish()))),
      onError: (error) => settle(() => reject(error)),
    });
  }
  return {
    answer,
    async *[Symbol.asyncIterator]() {
      try {
        for (let next = 0; ; ) {
          while (next < ready) yield tokens[next++];
          if (over) break;
          await new Promise<void>((done) => {
            wake = done;
          });
        }
        // A failure ends the loop with its reason.
        await answer;
      } finally {
        stop(new Error('the reader of the stream has left'));
      }
    },
  };
}

function finished(tokens: AnswerToken[], end: LiveEnd, risk: AnswerRisk | undefined): Answer {
  return {
    text: tokens.map(({ text }) => text).join(''),
    tokens,
    risk,
    finish: end.finish === 'length' ? 'length' : 'stop',
    promptTokens: end.promptTokens,
    generatedTokens: end.generatedTokens,
  };
}
