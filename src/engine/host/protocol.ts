import type { LiveEvents, NumberedRequest } from '../live/events.js';
import type { LoadOptions } from '../native/model.js';
import type { ReadReply } from '../read/reader.js';
import type { StepEvents, StepReply } from '../sample/tree.js';
import type {
  JobSize,
  LikelihoodCase,
  ModelInfo,
  ReadResult,
  SampleSettings,
  SampleStats,
  Steering,
} from '../types.js';

/** Calls that the parent makes: name, argument, result. One runs at a time, in order, but for those that take no time. */
export interface Calls {
  load: [LoadOptions, ModelInfo];
  tokenize: [{ texts: string[]; special: boolean; bos: boolean }, Int32Array[]];
  pieces: [{ tokens: Int32Array }, Uint8Array[]];
  detokenize: [{ tokens: Int32Array }, string];
  columnNorms: [Record<string, never>, Float32Array];
  logits: [{ tokens: Int32Array; steering?: Steering }, Float32Array];
  logProbabilities: [{ cases: LikelihoodCase[]; prefix: Int32Array; steering?: Steering }, Float64Array[]];
  sample: [{ settings: SampleSettings; prefix: Int32Array; most?: JobSize }, SampleStats];
  read: [
    { prefix: Int32Array; neurons: Int32Array; signed?: boolean; residual?: number; steering?: Steering },
    null,
  ];
  /** A live session runs beside the other calls; closing it does not wait for them. */
  liveOpen: [{ watch: Int32Array; concurrency: number; contextTokens: number; exact: boolean }, null];
  liveClose: [Record<string, never>, null];
  toFloat32: [{ path: string; out: string }, null];
  peakMemory: [Record<string, never>, number];
}

export type CallName = keyof Calls;

/** Calls that only look into the vocabulary, or make a session go away: they do not wait for what is being computed. */
export const AT_ONCE: ReadonlySet<CallName> = new Set([
  'tokenize',
  'pieces',
  'detokenize',
  'liveClose',
  'peakMemory',
]);

/** What a long call says on its way, and the answer that it waits for. */
export type Turn =
  | { kind: 'sample'; events: StepEvents }
  | { kind: 'read'; results: ReadResult[]; room: number };
export type TurnReply = StepReply | ReadReply | { cancel: true };

export type ToChild =
  | { kind: 'call'; id: number; name: CallName; argument: unknown }
  | { kind: 'reply'; id: number; reply: TurnReply }
  /** Nobody wants the result of this call any more: it fails as soon as it can. */
  | { kind: 'stop'; id: number }
  | { kind: 'submit'; request: NumberedRequest }
  | { kind: 'cancel'; number: number };

export type ToParent =
  /** The process takes calls: all that it needs to run at all is loaded. */
  | { kind: 'ready' }
  /** The model is loaded, and computes its first tokens. */
  | { kind: 'probing'; weightBytes: number }
  | { kind: 'result'; id: number; result: unknown }
  | { kind: 'failure'; id: number; message: string; stack?: string; exitCode?: 1 | 2 }
  | { kind: 'turn'; id: number; turn: Turn }
  /** A line for the user. */
  | { kind: 'notice'; text: string }
  | { kind: 'live'; events: LiveEvents };
