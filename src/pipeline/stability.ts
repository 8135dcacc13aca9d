import { z } from 'zod';
import { writeFileAtomic } from '../formats/atomic.js';
import { readJsonFile } from '../formats/json-file.js';
import { assignFolds } from '../learn/folds.js';
import { type RowMatrix, rowOf } from '../learn/matrix.js';
import { fitResamples } from '../learn/resamples.js';
import { createScanner } from '../learn/scanner.js';
import { IntervalSchema } from '../report/interval.js';
import { correlatedGroups, unitVector } from '../stats/correlation.js';
import { chanceJaccard, jaccard, pairwiseJaccard, spreadOf } from '../stats/overlap.js';
import { derive, int } from '../stats/random.js';
import { labelsOf } from './baselines.js';
import type { Case } from './cases.js';
import { type Detector, detectorNeurons } from './detector.js';
import { gather, placesOf } from './gather.js';
import type { TrainSettings } from './settings.js';
import { type Half, trainingRows } from './train.js';

/** Neurons count as standing in for each other from this |correlation| on. */
export const STAND_IN = 0.8;

/** H-Neurons for which substitutes are looked for, and substitutes named for each. */
const MOST_SUBSTITUTED = 50;
const SUBSTITUTES = 3;

/** Neurons that were chosen now and then, beyond which the rarest are not listed. */
const MOST_LISTED = 2000;

const NeuronSchema = z.object({ layer: z.int(), index: z.int() });

const OverlapSchema = z.object({
  /** Jaccard index of two resamples of the training questions, drawn with replacement. */
  resamples: IntervalSchema,
  /** Of a resample and the detector. */
  detector: IntervalSchema,
  /** Of the detectors of two other divisions of all questions into halves, as another seed would make them. */
  splits: IntervalSchema,
  /** Of two such sets by chance. */
  chance: z.number(),
});

/** The content of `stability.json`. Intervals are means with the middle 95 % of the pairs. */
export const StabilitySchema = z.object({
  schema: z.literal('hneurons/stability'),
  version: z.literal(1),
  C: z.number(),
  resamples: z.int(),
  splits: z.int(),
  /** H-Neurons of a resample. */
  size: IntervalSchema,
  /** Overlap of the H-Neurons (weight > 0), and of all neurons with a weight. */
  hNeurons: OverlapSchema,
  all: OverlapSchema,
  /** Neurons with a weight in the detector or in some resample: share of resamples in which it was above or below 0. */
  neurons: z.array(NeuronSchema.extend({ weight: z.number(), positive: z.number(), negative: z.number() })),
  /** Neurons left out of that list, the rarest. */
  unlisted: z.int(),
  /** Groups of listed neurons that are correlated (|r| >= .8 over the training answers), directly or over others. */
  clusters: z.array(z.array(NeuronSchema)),
  /** For the strongest H-Neurons the neurons outside of the detector that are most correlated with them. */
  substitutes: z.array(NeuronSchema.extend({ substitutes: z.array(NeuronSchema.extend({ r: z.number() })) })),
});
export type Stability = z.infer<typeof StabilitySchema>;

/**
 * How often the same neurons are found again: at the detector's C on resamples of the training questions (with replacement,
 * as many of each class), and on other divisions of all questions into halves; and which neurons could stand in for each other.
 * Writes `stability.json`.
 */
export async function measureStability(options: {
  detector: Detector;
  train: Half;
  test: Half;
  settings: TrainSettings;
  resamples: number;
  seed: number;
  path: string;
  signal?: AbortSignal;
  onProgress: (done: number, total: number) => void;
}): Promise<Stability> {
  const { detector, train, test, settings, resamples, seed, signal } = options;
  const splits = Math.max(2, Math.round(resamples / 2));
  const { matrix, cases, labels } = everyRow(train, test, settings.mode);
  const counts = [
    ...Array.from({ length: resamples }, (_, i) => countsOf(drawQuestions(train.cases, seed, i), cases)),
    ...Array.from({ length: splits }, (_, i) => halfOf(cases, [...train.cases, ...test.cases], seed + 1 + i)),
  ];
  const fits = await fitResamples({
    matrix,
    labels,
    counts,
    C: detector.C,
    standardise: settings.standardise,
    classWeights: settings.classWeights === 'balanced' ? 'balanced' : undefined,
    signal,
    onFit: options.onProgress,
  });
  const signed = fits.map(({ indices, weights }) => ({
    positive: new Set(indices.filter((_, i) => weights[i] > 0)),
    negative: new Set(indices.filter((_, i) => weights[i] < 0)),
    all: new Set(indices),
  }));
  const { neurons, weights } = detectorNeurons(detector);
  const total = detector.model.layers * detector.model.ffn;
  const overlap = (of: 'positive' | 'all', own: Set<number>) => {
    const sets = signed.map((fit) => fit[of]);
    const drawn = sets.slice(0, resamples);
    const sizes = drawn.map(({ size }) => size);
    return {
      resamples: spreadOf(pairwiseJaccard(drawn)),
      detector: spreadOf(drawn.map((set) => jaccard(set, own))),
      splits: spreadOf(pairwiseJaccard(sets.slice(resamples))),
      chance: chanceJaccard(own.size, sizes.reduce((sum, size) => sum + size, 0) / sizes.length, total),
    };
  };
  const place = (flat: number) => ({
    layer: Math.floor(flat / detector.model.ffn),
    index: flat % detector.model.ffn,
  });
  const drawn = signed.slice(0, resamples);
  const weightOf = new Map(neurons.map((flat, i) => [flat, weights[i]]));
  const share = (flat: number, sign: 'positive' | 'negative') =>
    drawn.filter((fit) => fit[sign].has(flat)).length / resamples;
  const ever = [...new Set([...neurons, ...drawn.flatMap(({ all }) => [...all])])]
    .map((flat) => ({
      flat,
      weight: weightOf.get(flat) ?? 0,
      positive: share(flat, 'positive'),
      negative: share(flat, 'negative'),
    }))
    .sort(
      (a, b) =>
        b.positive + b.negative - a.positive - a.negative ||
        Math.abs(b.weight) - Math.abs(a.weight) ||
        a.flat - b.flat,
    );
  const listed = ever.slice(0, MOST_LISTED);
  const strongest = neurons
    .filter((_, i) => weights[i] > 0)
    .sort((a, b) => weightOf.get(b)! - weightOf.get(a)!)
    .slice(0, MOST_SUBSTITUTED);
  const clusters = await clustersOf(
    train.answer,
    listed.map(({ flat }) => flat),
    signal,
  );
  const substitutes = await substitutesOf(train.answer, strongest, new Set(neurons), signal);
  const stability: Stability = {
    schema: 'hneurons/stability',
    version: 1,
    C: detector.C,
    resamples,
    splits,
    size: spreadOf(drawn.map(({ positive }) => positive.size)),
    hNeurons: overlap('positive', new Set(neurons.filter((_, i) => weights[i] > 0))),
    all: overlap('all', new Set(neurons)),
    neurons: listed.map(({ flat, ...rest }) => ({ ...place(flat), ...rest })),
    unlisted: ever.length - listed.length,
    clusters: clusters.map((group) => group.map(place)),
    substitutes: strongest.map((flat, i) => ({
      ...place(flat),
      substitutes: substitutes[i].map(({ column, r }) => ({ ...place(column), r })),
    })),
  };
  await writeFileAtomic(options.path, `${JSON.stringify(stability)}\n`);
  return stability;
}

/** What {@link measureStability} wrote. */
export async function readStability(path: string): Promise<Stability> {
  return readJsonFile(path, StabilitySchema, 'delete it and run hneurons evaluate again');
}

/** The training rows of both halves as one matrix, with the case of each row. */
function everyRow(train: Half, test: Half, mode: TrainSettings['mode']) {
  const parts = [train, test].map((half) => trainingRows(half, mode));
  const matrix: RowMatrix = {
    ...parts[0],
    offsets: Float64Array.from(parts.flatMap(({ offsets }) => [...offsets])),
  };
  const cases = [train, test].flatMap((half) =>
    mode === '3-vs-1' ? [...half.cases, ...half.cases] : half.cases,
  );
  const labels = Uint8Array.from(
    [train, test].flatMap((half) => {
      const answers = [...labelsOf(half.cases)];
      return mode === '3-vs-1' ? [...answers, ...answers.map(() => 0)] : answers;
    }),
  );
  return { matrix, cases, labels };
}

/** How often each group of questions was drawn: as many as there are, with replacement, within the class of its first case. */
function drawQuestions(cases: Case[], seed: number, resample: number): Map<string, number> {
  const random = derive(seed, 'stability', resample);
  const strata = new Map<string, string[]>();
  const known = new Set<string>();
  for (const { group, class: kind } of cases) {
    if (known.has(group)) continue;
    known.add(group);
    const list = strata.get(kind) ?? [];
    list.push(group);
    strata.set(kind, list);
  }
  const counts = new Map<string, number>();
  for (const groups of strata.values()) {
    for (let draw = 0; draw < groups.length; draw++) {
      const group = groups[int(random, groups.length)];
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
  }
  return counts;
}

/** How often each row counts: only those of the training half do. */
function countsOf(drawn: Map<string, number>, cases: Case[]): Uint8Array {
  return Uint8Array.from(cases, ({ group, split }) => (split === 'train' ? (drawn.get(group) ?? 0) : 0));
}

/** Marks the rows of one half of all questions, divided anew. */
function halfOf(rows: Case[], cases: Case[], seed: number): Uint8Array {
  const folds = assignFolds({
    groups: cases.map(({ group }) => group),
    strata: cases.map((one) => JSON.stringify([one.class, one.relation])),
    folds: 2,
    seed,
  });
  const half = new Set(cases.filter((_, i) => folds[i] === 0).map(({ group }) => group));
  return Uint8Array.from(rows, ({ group }) => (half.has(group) ? 1 : 0));
}

async function clustersOf(matrix: RowMatrix, flat: number[], signal?: AbortSignal): Promise<number[][]> {
  if (flat.length === 0) return [];
  const gathered = await gather(matrix, flat, signal);
  const places = placesOf(gathered, flat);
  const columns = Array.from(places, (place) =>
    Float64Array.from({ length: gathered.values.rows }, (_, row) => rowOf(gathered.values, row)[place]),
  );
  return correlatedGroups(columns, STAND_IN).map((group) => group.map((i) => flat[i]));
}

/** For each wanted column those of the matrix that are most correlated with it and not excluded. */
async function substitutesOf(
  matrix: RowMatrix,
  wanted: number[],
  excluded: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<{ column: number; r: number }[][]> {
  if (wanted.length === 0) return [];
  const gathered = await gather(matrix, wanted, signal);
  const places = placesOf(gathered, wanted);
  const vectors = Array.from(places, (place) =>
    unitVector(
      Float64Array.from({ length: gathered.values.rows }, (_, row) => rowOf(gathered.values, row)[place]),
    ),
  );
  const rows = matrix.offsets.length;
  const results: { column: number; r: number }[][] = [];
  const scanner = createScanner({ signal });
  try {
    // Products of a few at a time: for a large model each is as long as it has neurons.
    const batch = Math.max(1, Math.floor((1 << 25) / matrix.columns));
    for (let from = 0; from < vectors.length; from += batch) {
      const { products, moments } = await scanner.scan(matrix, {
        vectors: vectors.slice(from, from + batch),
        moments: true,
      });
      const { sums, squares } = moments!;
      for (const product of products) {
        const best: { column: number; r: number }[] = [];
        for (let j = 0; j < matrix.columns; j++) {
          const spread = squares[j] - (sums[j] * sums[j]) / rows;
          if (spread <= 1e-12 * squares[j] || excluded.has(j)) continue;
          const r = product[j] / Math.sqrt(spread);
          if (best.length === SUBSTITUTES && Math.abs(r) <= Math.abs(best[SUBSTITUTES - 1].r)) continue;
          best.push({ column: j, r });
          best.sort((a, b) => Math.abs(b.r) - Math.abs(a.r));
          best.length = Math.min(best.length, SUBSTITUTES);
        }
        results.push(best);
      }
    }
  } finally {
    await scanner.close();
  }
  return results;
}
