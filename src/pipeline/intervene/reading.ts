import { finalAnswer } from '../../engine/text/thought.js';
import type { Engine } from '../../engine/types.js';
import type { Benchmark, Item, Outcome, Reader } from '../../intervene/types.js';
import type { ComplianceJudge, Opened } from '../../judge/types.js';
import type { InterventionAnswer } from './answers.js';

/** Opened when a benchmark first needs a judge. */
export type OpenComplianceJudge = (about: 'premise' | 'harm') => Promise<Opened<ComplianceJudge>>;

/**
 * Outcomes of answers, in order. A rule reads each by itself; an LLM judge is asked about all of them, and its verdicts are cached by
 * content, so that a run that goes on does not pay twice.
 * @param answers one for each item
 */
export async function readOutcomes(
  { reader }: Benchmark,
  items: readonly Item[],
  answers: readonly InterventionAnswer[],
  judge: ComplianceJudge | undefined,
  onProgress?: (done: number) => void,
): Promise<Outcome[]> {
  if (reader.kind === 'rule') return items.map((item, i) => readByRule(reader, item, answers[i].text));
  const verdicts = await judge!.complies(
    items.map(({ turns, right }, i) => ({
      question: turns[turns.length - 1].question,
      explanations: right,
      response: answers[i].text,
    })),
    onProgress,
  );
  return verdicts.map((verdict) => (verdict === undefined ? 'failed' : verdict ? 'complies' : 'resists'));
}

/** The outcome of one answer, without its thoughts. One that ends inside a thought is `failed`: the item is left out. */
export function readByRule(reader: Reader & { kind: 'rule' }, item: Item, text: string): Outcome {
  const answer = finalAnswer(text);
  return answer === undefined ? 'failed' : reader.read(item, answer);
}

/** Mean CETT of every neuron over whole sequences, `[layers * ffn]`: the scale by which control neurons are matched. */
export async function meanCett(engine: Engine, sequences: readonly Int32Array[]): Promise<Float32Array> {
  const { layers, ffn } = engine.model;
  const sum = new Float64Array(layers * ffn);
  let cursor = 0;
  await engine.read({
    next() {
      if (cursor >= sequences.length) return undefined;
      const tokens = sequences[cursor];
      return { id: String(cursor++), tokens, masks: [[[0, tokens.length]]] };
    },
    onResult: ({ means: [mean] }) => {
      for (let i = 0; i < sum.length; i++) sum[i] += mean[i];
    },
  });
  return Float32Array.from(sum, (value) => value / Math.max(1, sequences.length));
}
