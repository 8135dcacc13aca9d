import type { RowMatrix } from '../learn/matrix.js';
import { rowOf } from '../learn/matrix.js';
import { createScanner } from '../learn/scanner.js';
import { fitPlatt } from '../stats/calibration.js';
import type { BaselineScores } from '../stats/evaluate.js';
import { auroc } from '../stats/metrics.js';
import { labelsOf } from './baselines.js';
import { decisionValues } from './decision.js';
import { type Gathered, gather, linearScores, placesOf } from './gather.js';
import type { Half } from './train.js';

/** Neurons that are looked at for the best single one. */
const CANDIDATES = 1000;

export interface ClassDifferences {
  /** (mean where the label is 1 - mean where it is 0) / deviation; 0 for a column that is constant within the classes. */
  differences: Float64Array;
  /** Standard deviation within the classes. */
  deviations: Float64Array;
}

/** Standardised difference of means of each column. One pass over the matrix. */
export async function standardisedDifferences(
  matrix: RowMatrix,
  labels: Uint8Array,
  signal?: AbortSignal,
): Promise<ClassDifferences> {
  const scanner = createScanner({ signal });
  try {
    const { products, moments } = await scanner.scan(matrix, {
      vectors: [Float64Array.from(labels)],
      moments: true,
    });
    const rows = labels.length;
    const ones = labels.reduce((sum, label) => sum + label, 0);
    const zeros = rows - ones;
    const deviations = new Float64Array(matrix.columns);
    const differences = Float64Array.from(products[0], (sumOfOnes, j) => {
      const sum = moments!.sums[j];
      const difference = sumOfOnes / ones - (sum - sumOfOnes) / zeros;
      // Total variance is variance within the classes plus variance between their means.
      const total = moments!.squares[j] / rows - (sum / rows) ** 2;
      const within = total - ((ones * zeros) / rows ** 2) * difference ** 2;
      if (within <= 1e-12 * moments!.squares[j]) return 0;
      deviations[j] = Math.sqrt(within);
      return difference / deviations[j];
    });
    return { differences, deviations };
  } finally {
    await scanner.close();
  }
}

/**
 * Baselines that need no classifier: the single neuron with the best AUROC on the training answers (of the 1,000 with the largest
 * standardised difference of means), and the projection of as many neurons as the detector has, those with the largest
 * difference, on that difference.
 */
export async function simpleNeuronBaselines(
  train: Half,
  test: Half,
  size: number,
  signal?: AbortSignal,
): Promise<BaselineScores[]> {
  const labels = labelsOf(train.cases);
  const { differences, deviations } = await standardisedDifferences(train.answer, labels, signal);
  const wanted = Math.max(1, size);
  const ranked = Array.from(differences.keys())
    .sort((a, b) => Math.abs(differences[b]) - Math.abs(differences[a]))
    .slice(0, Math.max(wanted, CANDIDATES));
  const [trained, tested] = [
    await gather(train.answer, ranked, signal),
    await gather(test.answer, ranked, signal),
  ];
  const of = (name: string, description: string, columns: number[], weights: number[]): BaselineScores => {
    const platt = fitPlatt(linearScores(trained, columns, weights, 0), labels);
    const scores = decisionValues(platt, linearScores(tested, columns, weights, 0));
    return { name, description, kind: 'neurons', scores };
  };
  const best = bestNeuron(trained, ranked.slice(0, CANDIDATES), labels);
  const top = ranked.slice(0, wanted);
  const weights = top.map((column) => differences[column] / (deviations[column] || 1));
  return [
    of('best single neuron', 'the one neuron with the best AUROC on the training half', [best], [1]),
    of(
      'mean difference',
      `projection of the ${top.length} neurons whose standardised means differ most between the classes`,
      top,
      weights,
    ),
  ];
}

/** The column whose AUROC on the gathered rows is furthest from .5. */
function bestNeuron(gathered: Gathered, columns: number[], labels: Uint8Array): number {
  const strength = (column: number) => Math.abs(auroc(columnOf(gathered, column), labels) - 0.5);
  return columns.reduce(
    (best, column) => {
      const value = strength(column);
      return value > best.value ? { column, value } : best;
    },
    { column: columns[0], value: -1 },
  ).column;
}

function columnOf(gathered: Gathered, column: number): Float64Array {
  const [place] = placesOf(gathered, [column]);
  return Float64Array.from({ length: gathered.values.rows }, (_, row) => rowOf(gathered.values, row)[place]);
}
