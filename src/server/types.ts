import type { Prompts } from '../pipeline/conversation.js';
import type { Detector } from '../pipeline/detector.js';
import type { GuardMode, HeldOutAnswers } from '../risk/index.js';
import type { Admission } from './admission.js';
import type { Backend } from './backend.js';
import type { detectorCommands } from './commands.js';
import type { Metrics } from './metrics.js';
import type { Scopes } from './scope.js';
import type { Upstream } from './upstream.js';

/** The model as clients see it. */
export interface ServedModel {
  name: string;
  sha256: string;
  architecture: string;
  quantisation: string;
  layers: number;
  ffn: number;
  hidden: number;
  vocab: number;
}

/** The detector that scores, with what lies beside it. */
export interface ServedDetector {
  detector: Detector;
  /** Of the detector file; its folder is that of the run. */
  path: string;
  /** Answers of the run that the detector was not trained on, for the intervals. */
  heldOut?: HeldOutAnswers;
}

export interface ServerSettings {
  /** Answers that are written at the same time. */
  concurrency: number;
  /** Answers that may wait. */
  queue: number;
  /** Longest prompt and answer together, tokens. */
  contextTokens: number;
  /** The cache of `hneurons score`, where answers are scored; otherwise the fast one (LiveOptions). */
  exact: boolean;
  /** Longest time for one request, waiting included, milliseconds. */
  requestTimeoutMs: number;
  /** A client of a stream that reads nothing for so long is cut off, milliseconds. */
  stallMs: number;
  /** Largest body of a request, bytes. */
  maxBody: number;
  /** What requests without their own get. */
  alpha: number;
  onRisk: GuardMode;
  /** Probability from which on an answer counts as hallucinated. */
  threshold: number;
  /** Only requests with this key are answered. */
  apiKey?: string;
  /** Web pages of this origin may call. */
  cors?: string;
  /** Names that requests may call the server by; undefined: any. */
  hosts?: (host: string) => boolean;
}

/** What the routes work with. */
export interface ServerContext {
  version: string;
  model: ServedModel;
  served?: ServedDetector;
  settings: ServerSettings;
  backend: Backend;
  prompts: Prompts;
  admission: Admission;
  metrics: Metrics;
  scopes: Scopes;
  /** Another server, which writes the answers. */
  upstream?: Upstream;
  /** How to make a detector, as this machine and others may see it. */
  commands?: ReturnType<typeof detectorCommands>;
}
