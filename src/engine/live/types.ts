/** Generation for many callers at once: requests come and go while the model runs. Plain data in, plain data out. */

import type { DrawSettings, Steering } from '../types.js';

export interface LiveOptions {
  /** Flat indices of the neurons whose CETT is wanted at each generated token; only their layers are tapped. */
  watch?: ArrayLike<number>;
  /** Most requests that run at the same time; further ones wait in order. */
  concurrency: number;
  /** Longest prompt and answer of one request together, in tokens. */
  contextTokens: number;
  /**
   * With watched neurons: a float32 cache and plain attention, as `read` has them, so that the CETT is the same (default). With
   * false a float16 cache and flash attention, which many long contexts at once run up to twice as fast on.
   */
  exact?: boolean;
}

export interface LiveRequest {
  /** Unique among the requests under way. With `settings.seed` it does not decide the draws: `stream` does. */
  id: string;
  prompt: ArrayLike<number>;
  settings: DrawSettings;
  /** Names the random stream together with the seed, so that equal requests draw equally. */
  stream: string;
  steering?: Steering;
  /** How many of the most likely tokens are wanted with each token; 0 or absent: none. */
  top?: number;
  /** CETT of the watched neurons is wanted. */
  score?: boolean;
}

export interface LiveToken {
  /** 0, 1, … within the answer. */
  index: number;
  token: number;
  /** Text that this token completes; '' when it ends within a character. All texts joined are the answer. */
  text: string;
  /** The token's own bytes, where they are not those of `text`: it holds a part of a character. */
  bytes?: Uint8Array;
  /** log p at temperature 1, before filters. */
  logProbability: number;
  /** What is no UTF-8 in a text is U+FFFD. */
  top?: Pick<LiveToken, 'token' | 'text' | 'bytes' | 'logProbability'>[];
}

export interface LiveEnd {
  finish: 'stop' | 'end' | 'length';
  promptTokens: number;
  /** Prompt tokens that a kept prefix saved. */
  cachedTokens: number;
  /** All tokens that were drawn. */
  generatedTokens: number;
}

/** What a caller hears of its request. */
export interface LiveListener {
  /** Held back while the text could still turn out to be the beginning of a stop string. */
  onToken?(token: LiveToken): void;
  /** `[watched]` CETT of the token of that index; comes after its `onToken`, and before `onEnd` for every token. */
  onCett?(index: number, cett: Float32Array): void;
  onEnd(end: LiveEnd): void;
  /** The request failed (UserError: it does not fit; or the native process died). Nothing follows. */
  onError(error: Error): void;
}

export interface LiveSession {
  /** Starts or queues a request. */
  submit(request: LiveRequest, listener: LiveListener): void;
  /** Stops computing a request at once; its listener hears nothing more. Unknown ids are ignored. */
  cancel(id: string): void;
  /** Requests running and waiting. */
  readonly active: number;
  /** Cancels all and frees the contexts. The engine lives on. */
  close(): Promise<void>;
}
