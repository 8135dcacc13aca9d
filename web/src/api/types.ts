/** What the server says and hears: OpenAI's shapes with the additions under `hneurons`. */

/** A neuron as `[layer, index]`. */
export type Place = [layer: number, index: number];

export interface Neuron {
  layer: number;
  index: number;
  /** Above 0: an H-Neuron, active where the model makes things up. Below 0: active where it does not. */
  weight: number;
}

export interface Info {
  version: string;
  model: {
    name: string;
    architecture: string;
    quantisation: string;
    layers: number;
    ffn: number;
    promptStyle: string;
    chat: boolean;
  };
  detector: null | {
    path: string;
    neurons: Neuron[];
    threshold: number;
    test: { auroc: number; accuracy: number } | null;
    alphaRange: [number, number];
  };
  run: boolean;
  guard: 'annotate' | 'retry' | 'abstain';
  upstream: boolean;
}

export interface TokenRisk {
  text: string;
  /** Calibrated probability that this is made up. */
  risk: number;
  /** In the part that was scored as the answer. */
  answer?: boolean;
  /** CETT of the neurons that the request watched, in its order. */
  cett?: number[];
}

export interface Part {
  start: number;
  end: number;
  text: string;
  risk: number;
}

export type Verdict = 'faithful' | 'hallucinated' | 'uncertain';

/** The score of a whole answer. */
export interface Score {
  score: number;
  probability: number;
  threshold: number;
  verdict: Verdict;
  interval: [number, number];
  answerSpan: { start: number; end: number; text: string };
  tokens: TokenRisk[];
  sentences: Part[];
  spans: Part[];
  alpha: number;
  retries?: number;
  abstained?: boolean;
}

export interface Message {
  role: 'user' | 'assistant';
  content: string;
}

export interface Question {
  messages: Message[];
  alpha: number;
  temperature: number;
  maxTokens: number;
  seed: number;
  /** Which neurons alpha scales; all H-Neurons when absent. */
  neurons?: Place[];
  /** Neurons whose CETT is wanted with each token. */
  cett?: Place[];
}

/** One step of a streamed answer. */
export interface Chunk {
  text: string;
  tokens: (TokenRisk & { index: number })[];
  finish?: string;
  score?: Score;
}

export interface NeuronExample {
  question: string;
  answer: string;
  label: string;
  cett: number;
}

export interface NeuronDetail extends Neuron {
  examples: { most: NeuronExample[]; least: NeuronExample[] } | null;
  card: Record<string, unknown> | null;
}
