import type { Card, Context, TokenEffectText } from '../../../src/report/explain/schema.ts';
import type { AnswerRisk, RiskSpan, RiskVerdict, TokenRisk as ScoredToken } from '../../../src/risk/types.ts';

/** What the server says and hears: OpenAI's shapes with the additions under `hneurons`. */

/** The score of a whole answer. */
export type Score = AnswerRisk;
export type Verdict = RiskVerdict;
export type Part = RiskSpan;

/** A token with the probability that it is made up; what belongs to the answer itself is known at the end. */
export type TokenRisk = Omit<ScoredToken, 'answer'> & { answer?: boolean };

/** What `hneurons explain` wrote of a neuron. */
export type { Card };
export type CardContext = Context;
export type CardToken = TokenEffectText;

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
    alphaRange: [number, number];
  };
  run: boolean;
  /** Alpha of requests that have none. */
  alpha: number;
  guard: 'annotate' | 'retry' | 'abstain';
  /** Another server writes the answers, so its neurons cannot be turned. */
  upstream: boolean;
  /** How to make a detector for the model, where that is known. */
  commands: { find: string; serve: string } | null;
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
  card: Card | null;
  /** Deviations that the tokens of a card have by chance alone; null without cards. */
  chance: number | null;
}
