/** What the engine offers to the rest of the program: plain data in, plain data out. See ARCHITECTURE.md. */

import type { GgufModel } from './gguf/model.js';
import type { LiveOptions, LiveSession } from './live/types.js';

export type Device = 'auto' | 'cpu' | 'cuda' | 'vulkan' | 'metal';

/** How a model lies on several GPUs: on one alone, whole layers on each, or the rows of each matrix spread. */
export type SplitMode = 'none' | 'layer' | 'row';

export interface EngineOptions {
  /** Path of a GGUF file. */
  modelPath: string;
  device?: Device;
  /** Layers kept on the GPU; default: all of them when a GPU is used, else 0. */
  gpuLayers?: number;
  /** Default: `layer`; `none` where `mainGpu` alone is given. */
  splitMode?: SplitMode;
  /** Proportion of the model for each GPU; default: as their memory is free. */
  split?: readonly number[];
  /** Index of the GPU that holds all with `none`, and intermediate results with `row`. */
  mainGpu?: number;
  /** CPU threads; default: the number of physical or available cores. */
  threads?: number;
  /** Bytes beside the weights for KV caches and buffers; default: 1 GiB in host memory, on a GPU what is free there. */
  memory?: number;
  /** A folder with the user's own libllama / libggml build, in place of the pinned package. */
  library?: string;
  /** One-line messages, such as that other programs slow it down. */
  onNotice?: (text: string) => void;
  /** Aborting kills the native process at once; every pending call rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A loaded model: what its file says, and what runs it. A neuron's flat index is `layer * ffn + j`. */
export interface ModelInfo extends GgufModel {
  path: string;
  /** llama.cpp version and the device in use, for the manifest. */
  libraryVersion: string;
  device: string;
  /** The day that the chat template is told, YYYY-MM-DD; default: today in UTC. */
  promptDate?: string;
}

/** A set of neurons and the factor that z_j is multiplied with. alpha 1 leaves the model untouched. */
export interface Steering {
  /** Flat neuron indices, `layer * ffn + j`. */
  neurons: ArrayLike<number>;
  alpha: number;
}

/** How tokens are drawn, and when an answer ends. */
export interface DrawSettings {
  /** 0 means greedy. */
  temperature: number;
  /** 0 switches the filter off. */
  topK: number;
  /** 1 switches the filter off. */
  topP: number;
  /** 0 switches the filter off. */
  minP: number;
  maxTokens: number;
  /** The answer ends where one of these strings begins; the string itself is left out. */
  stop: string[];
  seed: number;
}

export interface SampleSettings extends DrawSettings {
  steering?: Steering;
}

export interface SampleRequest {
  /** Names the random streams: (seed, id, sample index) decide every draw. */
  id: string;
  prompt: ArrayLike<number>;
  samples: number;
}

export interface Sample {
  index: number;
  /** Tokens of the response: all that hold any of `text`; the end-of-generation token is not among them. */
  tokens: number[];
  text: string;
  /** `stop`: stop string; `end`: end-of-generation token; `length`: maxTokens reached. */
  finish: 'stop' | 'end' | 'length';
  /** Sum of log p over the drawn tokens (model's distribution at temperature 1, before filters), those behind the text included. */
  logProbability: number;
  /** Part of it that is of tokens behind the text: the end-of-generation token, or a stop string. */
  endLogProbability?: number;
}

export interface SampleResult {
  id: string;
  /** In order of index. Shorter than `samples` when the question was stopped early. */
  samples: Sample[];
  stopped: boolean;
}

export interface JobSize {
  samples: number;
  /** Tokens of all prompts, and `maxTokens` for each sample. */
  tokens: number;
}

export interface SampleJob {
  settings: SampleSettings;
  /** Tokens that every prompt begins with; computed once. May be empty. */
  prefix?: ArrayLike<number>;
  /** What all of the job comes to, where that is known: a small job then need not wait for a large context to be cleared. */
  most?: JobSize;
  /** Awaited after each step, before questions are pulled: sampling waits for it. Its rejection ends the job. */
  ready?(): Promise<void>;
  /** Pulled whenever there is room for another question; undefined when there are no more. */
  next(): SampleRequest | undefined;
  /** Called as each sample ends. Returning false stops the whole question at once. */
  onSample?(id: string, sample: Sample): boolean | undefined;
  onResult(result: SampleResult): void;
}

export interface SampleStats {
  questions: number;
  samples: number;
  /** Tokens over all samples, as if each had been drawn alone. */
  sampledTokens: number;
  /** Rows that went through the model to get them (token tree; prompts not counted). */
  decodedRows: number;
  promptRows: number;
}

export interface ReadCase {
  id: string;
  tokens: ArrayLike<number>;
  /** Its name in messages; default: the id. */
  label?: string;
  /** One or more masks, each a list of [start, end) ranges of token positions; an empty mask gives zeros. */
  masks: [start: number, end: number][][];
}

export interface ReadResult {
  id: string;
  /** Mean CETT over each mask, `[layers * ffn]` each. */
  means: Float32Array[];
  /** Raw CETT `[tokens, neurons]` of the neurons named in the job. */
  raw?: Float32Array;
  /**
   * Mean of the residual stream after each layer over the mask that the job names, `[layers * hidden]`. Absent too where
   * the graph of the architecture has no such node.
   */
  residual?: Float32Array;
}

export interface ReadJob {
  prefix?: ArrayLike<number>;
  next(): ReadCase | undefined;
  onResult(result: ReadResult): void;
  /** Flat indices whose raw CETT at each token is wanted too. */
  neurons?: ArrayLike<number>;
  /** Raw CETT carries the sign of z, which CETT itself drops. */
  signed?: boolean;
  /** Index of the mask of each case over which the mean of the residual stream is wanted too. */
  residual?: number;
  /**
   * The model under this steering: all that comes after a scaled neuron is as steered. CETT is that of the neuron before it is
   * scaled, relative to the output of W_down itself.
   */
  steering?: Steering;
  /** Stops it at the next batch: `read` then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A token sequence with what is asked about it. */
export interface LikelihoodCase {
  tokens: ArrayLike<number>;
  /** For positions `at`: tokens whose log p as the next token is wanted (model's distribution at temperature 1). */
  asked: { at: number; tokens: ArrayLike<number> }[];
}

/** A loaded model in its own process. Every method rejects with a UserError when that process dies. */
export interface Engine {
  readonly model: ModelInfo;
  /** The native process: its id, and what says when and why it is gone; after `close` that is no failure. */
  readonly process: {
    pid: number;
    gone: Promise<Error>;
    /** Ends it at once, as a crash would. */
    kill(): void;
  };
  /** `special`: parse special tokens such as <|im_start|> in the text; `bos`: put BOS in front if the model wants one. */
  tokenize(texts: string[], options: { special: boolean; bos: boolean }): Promise<Int32Array[]>;
  /** The bytes of each token, special tokens as their text. A token may hold part of a character. */
  pieces(tokens: ArrayLike<number>): Promise<Uint8Array[]>;
  /** The text of a token sequence: gives back what was tokenised, byte for byte. */
  detokenize(tokens: ArrayLike<number>): Promise<string>;
  sample(job: SampleJob): Promise<SampleStats>;
  read(job: ReadJob): Promise<void>;
  /** L2 norm of each column of W_down, `[layers * ffn]`. */
  columnNorms(): Promise<Float32Array>;
  /** Logits after the last token, `[vocab]`. */
  logits(tokens: ArrayLike<number>, steering?: Steering): Promise<Float32Array>;
  /**
   * Log p of chosen next tokens within sequences: for each case, in order, the values of all that is asked one after another.
   * What the sequences begin with in common is run once.
   */
  logProbabilities(cases: LikelihoodCase[], steering?: Steering): Promise<Float64Array[]>;
  /**
   * Opens a session that generates for many callers at once. Other calls run between its steps. An engine has one at a time.
   * @throws UserError when the options do not fit the model, or one is open
   */
  live(options: LiveOptions): Promise<LiveSession>;
  /** Most resident memory of the native process so far, bytes. */
  peakMemory(): Promise<number>;
  close(): Promise<void>;
}
