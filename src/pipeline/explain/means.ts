import { type DenseMatrix, type RowMatrix, rowOf } from '../../learn/matrix.js';
import type { Card } from '../../report/explain/schema.js';
import { bootstrapIntervals } from '../../stats/bootstrap.js';
import type { Interval } from '../../stats/interval.js';
import { derive } from '../../stats/random.js';
import type { Case } from '../cases.js';
import { type Gathered, gather, placesOf } from '../gather.js';
import { numberGroups } from '../groups.js';
import type { Half } from '../train.js';

/**
 * Mean CETT of neurons on the answer tokens of faithful and of hallucinated cases, and on all other tokens of both, with 95 %
 * intervals from resamples of the questions. Null where there is no such case.
 * @param neurons flat indices
 */
export async function meansOf(
  { cases, answer, other }: Pick<Half, 'cases' | 'answer' | 'other'>,
  neurons: number[],
  seed: number,
  signal?: AbortSignal,
): Promise<Card['cett'][]> {
  const gathered = async (matrix: RowMatrix) => gather(matrix, neurons, signal);
  const [answers, others] = [await gathered(answer), await gathered(other)];
  const rowsOf = (kind?: Case['class']) =>
    cases.flatMap((one, row) => (kind === undefined || one.class === kind ? [row] : []));
  const of = (from: Gathered, rows: number[], name: string) =>
    meanIntervals(from.values, placesOf(from, neurons), rows, cases, () => derive(seed, 'explain', name));
  const faithful = of(answers, rowsOf('faithful'), 'faithful');
  const hallucinated = of(answers, rowsOf('hallucinated'), 'hallucinated');
  const rest = of(others, rowsOf(), 'other');
  return neurons.map((_, i) => ({
    faithful: faithful?.[i] ?? null,
    hallucinated: hallucinated?.[i] ?? null,
    other: rest?.[i] ?? null,
  }));
}

function meanIntervals(
  values: DenseMatrix,
  places: ArrayLike<number>,
  rows: number[],
  cases: Case[],
  random: () => ReturnType<typeof derive>,
): Interval[] | undefined {
  if (rows.length === 0) return undefined;
  const groups = numberGroups(rows.map((row) => cases[row].group));
  return bootstrapIntervals(
    rows.length,
    (weights) => {
      const sums = new Float64Array(places.length);
      let total = 0;
      rows.forEach((row, i) => {
        const weight = weights[i];
        if (weight === 0) return;
        const line = rowOf(values, row);
        for (let n = 0; n < sums.length; n++) sums[n] += weight * line[places[n]];
        total += weight;
      });
      return Array.from(sums, (sum) => sum / total);
    },
    random(),
    { groups },
  );
}
