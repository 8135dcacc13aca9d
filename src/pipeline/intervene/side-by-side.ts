import { writeFileAtomic } from '../../formats/atomic.js';
import type { Readings } from './curves.js';
import type { NeuronSet } from './neuron-sets.js';

/** Writes a JSONL line for each item: what the model says to it at each alpha, and what that was read as. */
export async function sideBySide(
  path: string,
  readings: readonly Readings[],
  hNeurons: NeuronSet,
  alphas: readonly number[],
): Promise<void> {
  const lines = readings.flatMap(({ benchmark, at }) =>
    benchmark.items.map(({ id, twin, turns, right, wrong }, i) =>
      JSON.stringify({
        benchmark: benchmark.name,
        id,
        twin,
        turns,
        right,
        wrong,
        answers: alphas.map((alpha) => {
          const { answers, outcomes } = at(hNeurons, alpha);
          return { alpha, text: answers[i].text, outcome: outcomes[i] };
        }),
      }),
    ),
  );
  await writeFileAtomic(path, `${lines.join('\n')}\n`);
}
