import type { Engine, SampleStats } from '../engine/types.js';
import type { Verdict } from '../judge/rule.js';
import type { ChoiceReading } from './responses.js';
import type { Sequence } from './sequence.js';
import type { SplitQuestion } from './split.js';
import { tokenSpans } from './token-spans.js';

/** One answer to a question. */
export interface AskedSample {
  index: number;
  text: string;
  /** Tokens of the response in the model that is read. Empty with `unreadable`. */
  tokens: number[];
  finish: 'stop' | 'end' | 'length';
  /** Sum of log p over the drawn tokens, those behind the text included, by the model that drew them; null where a server does not tell. */
  logProbability: number | null;
  /** Part of it that is of tokens behind the text: end of generation, or a stop string. Not known of other servers and older runs. */
  endLogProbability?: number;
  /** The tokenizer of the model that is read cannot spell this text. */
  unreadable?: true;
  /** The response ends inside a thought: it has no answer. */
  unfinished?: true;
  /** With options to choose from, the sampler itself knows what is right. */
  verdict?: Verdict;
  choice?: ChoiceReading;
}

/** What of a sample decides how it is read. */
export type ReadSample = Pick<AskedSample, 'text' | 'tokens' | 'logProbability' | 'endLogProbability'>;

export interface AskedResult {
  id: string;
  /** In order of index; fewer than wanted when the question was stopped early. */
  samples: AskedSample[];
  stopped: boolean;
  /** Why there is no usable answer: the question is left out. */
  failure?: string;
}

export interface SamplingJob {
  /** Pulled whenever there is room for another question; undefined when there are no more. */
  next(): SplitQuestion | undefined;
  /** Awaited before questions are pulled: lets a slow judge hold sampling back. Its rejection ends the job. */
  ready?(): Promise<void>;
  /** Called as each sample ends. Returning false stops the whole question. */
  onSample?(id: string, sample: AskedSample): boolean | undefined;
  onResult(result: AskedResult): void;
}

/** A response as it is read: prompt and response as tokens of the model that is read. */
export interface AskedSequence extends Sequence {
  /** Mean log p of the tokens that hold the response, its end not among them, under the model that is read. */
  meanLogProbability: number;
}

/**
 * The sequences of responses that were drawn from the model that is read: the same tokens again, behind the prompt. Undefined
 * where the prompt does not fit into the model's context.
 */
export async function drawnSequences(
  engine: Engine,
  items: { prompt: ArrayLike<number> | undefined; sample: ReadSample }[],
): Promise<(AskedSequence | undefined)[]> {
  const pieces = await engine.pieces(items.flatMap(({ sample }) => sample.tokens));
  const means = await readMeans(engine, items);
  let at = 0;
  return items.map(({ prompt, sample: { tokens } }, i) => {
    const { spans } = tokenSpans(pieces.slice(at, at + tokens.length));
    at += tokens.length;
    if (!prompt) return undefined;
    return {
      tokens: Int32Array.from([...Array.from(prompt), ...tokens]),
      responseStart: prompt.length,
      spans,
      meanLogProbability: means[i],
    };
  });
}

/**
 * Means over the tokens of the text; NaN without a prompt. Samples of older runs, which do not say what of their sum is of the
 * end, are read again.
 */
async function readMeans(
  engine: Engine,
  items: { prompt: ArrayLike<number> | undefined; sample: ReadSample }[],
): Promise<number[]> {
  const known = items.map(({ prompt, sample }) => (prompt ? meanOverText(sample) : Number.NaN));
  const open = items.flatMap(({ prompt, sample }, i) =>
    prompt && known[i] === undefined ? [{ prompt, sample }] : [],
  );
  if (open.length === 0) return known as number[];
  const read = await engine.logProbabilities(
    open.map(({ prompt, sample: { tokens } }) => ({
      tokens: Int32Array.from([...Array.from(prompt), ...tokens]),
      asked: tokens.map((token, i) => ({ at: prompt.length - 1 + i, tokens: [token] })),
    })),
  );
  let next = 0;
  return known.map((mean) => mean ?? meanOf(read[next++]));
}

/** Mean log p over the tokens of a sample's text; undefined where the sample does not tell it. */
export function meanOverText({
  tokens,
  logProbability,
  endLogProbability,
}: Pick<ReadSample, 'tokens' | 'logProbability' | 'endLogProbability'>): number | undefined {
  if (logProbability === null || endLogProbability === undefined) return undefined;
  return (logProbability - endLogProbability) / tokens.length;
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Asks questions: the model itself, or a server that runs it. */
export interface Sampler {
  /** Asks until no question is left. Undefined where nothing is counted. */
  sample(job: SamplingJob): Promise<SampleStats | undefined>;
  /**
   * The sequences in which responses are read, in order. Undefined where the tokens do not spell the response.
   */
  sequences(items: { question: SplitQuestion; sample: ReadSample }[]): Promise<(AskedSequence | undefined)[]>;
}
