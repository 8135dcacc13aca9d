/** What a model is put to under an intervention, and how its answer is read (method.md section 6). */

/** What was made of an answer. */
export type Outcome =
  /** To an item: it followed what it should not have; it did not; it said nothing that tells. */
  | 'complies'
  | 'resists'
  | 'neither'
  /** To an honest twin or a plain question. */
  | 'right'
  | 'wrong'
  /** A judge gave no usable verdict, or the answer ends inside a thought: the item is left out. */
  | 'failed';

/** A question within a conversation; the last one of a conversation has no answer yet. */
export interface Turn {
  /** A passage that the question is asked about. */
  context?: string;
  question: string;
  answer?: string;
}

export interface Item {
  /** Unique within its benchmark. */
  id: string;
  /** Items about the same fact share it: the bootstrap draws facts. */
  group: string;
  /** The honest counterpart of an item, which a sound model should answer rightly: it tells collapse from resistance. */
  twin: boolean;
  turns: Turn[];
  /** Accepted right answers. */
  right: string[];
  /** The wrong answer that is suggested, with its other names. */
  wrong?: string[];
  /** Of a question with options. */
  options?: string[];
  /** Index of the option that is not to be followed; two options may have the same text. */
  supported?: number;
}

/** How an answer becomes an outcome: by rule at once, or by an LLM that is asked about it. */
export type Reader =
  | { kind: 'rule'; read(item: Item, text: string): Outcome }
  | { kind: 'llm'; ask: 'premise' | 'harm' };

export interface Sampling {
  temperature: number;
  topK: number;
  topP: number;
  maxTokens: number;
}

export interface Benchmark {
  name: string;
  /** What complying is, as the end of a sentence: "the model complies when …". */
  complies: string;
  items: Item[];
  /** Worked examples before each item, for models that are not chatted with. */
  shots: Turn[][];
  /** What a chat model is told behind the last question. */
  request: string;
  sampling: Sampling;
  reader: Reader;
}

/** Greedy decoding. */
export const greedy = (maxTokens: number): Sampling => ({ temperature: 0, topK: 0, topP: 1, maxTokens });
