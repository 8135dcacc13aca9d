import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.js';
import { pearson, spearman } from '../stats/correlation.js';
import type { Interval } from '../stats/interval.js';
import { auroc } from '../stats/metrics.js';
import { chanceJaccard, jaccard } from '../stats/overlap.js';
import { labelsOf } from './baselines.js';
import { decisionValues } from './decision.js';
import { type Detector, detectorNeurons, readDetector } from './detector.js';
import { gather, linearScores } from './gather.js';
import { readManifest } from './run-folder.js';
import { type Half, loadHalf } from './train.js';

/** A detector file, with the features and cases of its run where they lie beside it. */
export interface Side {
  path: string;
  detector: Detector;
  test?: Half;
  /** Questions that it was trained on. */
  trained: ReadonlySet<string>;
}

/** Two sets of neurons, and how many they share. */
export interface SharedNeurons {
  a: number;
  b: number;
  shared: number;
  jaccard: number;
  /** Shared by two sets of these sizes drawn at random. */
  expected: number;
  chanceJaccard: number;
}

export interface SideFigures {
  path: string;
  model: string;
  sha256: string;
  mode: Detector['mode'];
  C: number;
  hNeurons: number;
  neurons: number;
  trainingSamples: number;
  accuracy: Interval | null;
  auroc: Interval | null;
  /** Mean AUROC of its random controls. */
  control: number | null;
}

/** How two detectors score the same answers. */
export interface ScoreAgreement {
  /** Whose test half the answers are of. */
  of: 'a' | 'b';
  samples: number;
  /** Samples whose question the other detector was trained on: there it has an advantage. */
  seenByOther: number;
  pearson: number;
  spearman: number;
  /** Share of answers that both call the same. */
  sameCall: number;
  auroc: { a: number; b: number };
}

/** What `hneurons compare --json` prints. */
export interface Comparison {
  schema: 'hneurons/comparison';
  version: 1;
  a: SideFigures;
  b: SideFigures;
  hNeurons: SharedNeurons;
  all: SharedNeurons;
  /** Share of the shared neurons whose weights have the same sign; null when none is shared. */
  sameSign: number | null;
  shared: { layer: number; index: number; a: number; b: number }[];
  /** Neurons of each detector in each layer, and those in both. */
  layers: { layer: number; a: number; b: number; shared: number }[];
  scores: ScoreAgreement[];
  notes: string[];
}

/**
 * Opens one side of a comparison: a run folder, or a detector file. The run's test half comes along when the file lies in its run.
 * @throws UserError when there is no detector.
 */
export async function openSide(path: string): Promise<Side> {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'detector.json') : path;
  if (!existsSync(file)) {
    throw new UserError(
      `there is no detector at ${file}; give a detector.json, or a run folder that has one`,
    );
  }
  const detector = await readDetector(file);
  const folder = dirname(file);
  const needed = ['manifest.json', 'cases.jsonl', 'features.safetensors'];
  if (!needed.every((name) => existsSync(join(folder, name)))) return { path, detector, trained: new Set() };
  const manifest = readManifest(folder)!;
  // A detector that was copied into the folder of another run has nothing to do with what lies there.
  if (manifest.model.sha256 !== detector.model.sha256) return { path, detector, trained: new Set() };
  const run = { manifest, file: (name: string) => join(folder, name) };
  const [train, test] = [await loadHalf(run, 'train'), await loadHalf(run, 'test')];
  return { path, detector, test, trained: new Set(train.cases.map(({ question }) => question)) };
}

/**
 * Sets two detectors of models of the same shape side by side: their neurons, their layers, and how far their scores agree on the
 * test answers of either run.
 * @throws UserError when the models differ in shape.
 */
export async function compareDetectors(a: Side, b: Side, signal?: AbortSignal): Promise<Comparison> {
  checkShapes(a, b);
  const { layers, ffn } = a.detector.model;
  const [left, right] = [weightsOf(a.detector), weightsOf(b.detector)];
  const positive = (weights: Map<number, number>) =>
    new Set([...weights].flatMap(([flat, weight]) => (weight > 0 ? [flat] : [])));
  const shared = [...left.keys()].filter((flat) => right.has(flat)).sort((x, y) => x - y);
  const sameSign = shared.filter((flat) => left.get(flat)! > 0 === right.get(flat)! > 0).length;
  const inLayer = (flats: Iterable<number>, layer: number) =>
    [...flats].filter((flat) => Math.floor(flat / ffn) === layer).length;
  const scores: ScoreAgreement[] = [];
  for (const [of, side, other] of [
    ['a', a, b],
    ['b', b, a],
  ] as const) {
    // Without a neuron on either side there is nothing to score by.
    if (side.test && left.size + right.size > 0)
      scores.push(await agreement(of, side.test, other.trained, a.detector, b.detector, signal));
  }
  return {
    schema: 'hneurons/comparison',
    version: 1,
    a: figuresOf(a),
    b: figuresOf(b),
    hNeurons: overlap(positive(left), positive(right), layers * ffn),
    all: overlap(new Set(left.keys()), new Set(right.keys()), layers * ffn),
    sameSign: shared.length > 0 ? sameSign / shared.length : null,
    shared: shared.map((flat) => ({
      layer: Math.floor(flat / ffn),
      index: flat % ffn,
      a: left.get(flat)!,
      b: right.get(flat)!,
    })),
    layers: Array.from({ length: layers }, (_, layer) => ({
      layer,
      a: inLayer(left.keys(), layer),
      b: inLayer(right.keys(), layer),
      shared: inLayer(shared, layer),
    })),
    scores,
    notes: notesOf(a, b),
  };
}

function checkShapes(a: Side, b: Side): void {
  const shape = ({ detector: { model } }: Side) =>
    `${model.name} (${model.architecture}, ${model.layers} layers of ${model.ffn} neurons)`;
  const [x, y] = [a.detector.model, b.detector.model];
  if (x.architecture !== y.architecture || x.layers !== y.layers || x.ffn !== y.ffn) {
    throw new UserError(
      `the detectors are of different models, whose neurons have nothing to do with each other: ${a.path} of ${shape(a)}, ${b.path} of ${shape(b)}`,
    );
  }
}

function weightsOf(detector: Detector): Map<number, number> {
  const { neurons, weights } = detectorNeurons(detector);
  return new Map(neurons.map((flat, i) => [flat, weights[i]]));
}

function overlap(a: Set<number>, b: Set<number>, total: number): SharedNeurons {
  return {
    a: a.size,
    b: b.size,
    shared: [...a].filter((flat) => b.has(flat)).length,
    jaccard: jaccard(a, b),
    expected: (a.size * b.size) / total,
    chanceJaccard: chanceJaccard(a.size, b.size, total),
  };
}

function figuresOf({ path, detector }: Side): SideFigures {
  const { model, mode, C, neurons, training, test } = detector;
  return {
    path,
    model: model.name,
    sha256: model.sha256,
    mode,
    C,
    hNeurons: neurons.filter(({ weight }) => weight > 0).length,
    neurons: neurons.length,
    trainingSamples: training.samples,
    accuracy: test?.accuracy ?? null,
    auroc: test?.auroc ?? null,
    control: test?.control.auroc ?? null,
  };
}

async function agreement(
  of: 'a' | 'b',
  test: Half,
  trainedByOther: ReadonlySet<string>,
  a: Detector,
  b: Detector,
  signal?: AbortSignal,
): Promise<ScoreAgreement> {
  const [left, right] = [detectorNeurons(a), detectorNeurons(b)];
  const gathered = await gather(test.answer, [...left.neurons, ...right.neurons], signal);
  const x = linearScores(gathered, left.neurons, left.weights, a.intercept);
  const y = linearScores(gathered, right.neurons, right.weights, b.intercept);
  const calls = [decisionValues(a.calibration, x), decisionValues(b.calibration, y)];
  const same = calls[0].filter((value, i) => value > 0 === calls[1][i] > 0).length;
  const labels = labelsOf(test.cases);
  return {
    of,
    samples: labels.length,
    seenByOther: test.cases.filter(({ question }) => trainedByOther.has(question)).length,
    pearson: pearson(x, y),
    spearman: spearman(x, y),
    sameCall: same / labels.length,
    auroc: { a: auroc(x, labels), b: auroc(y, labels) },
  };
}

function notesOf(a: Side, b: Side): string[] {
  const notes: string[] = [];
  if (a.detector.model.sha256 !== b.detector.model.sha256) {
    notes.push(
      'The models are different files of the same shape: shared neurons mean something only if one was made from the other.',
    );
  }
  for (const { path, test } of [a, b]) {
    if (!test) notes.push(`No features lie beside ${path}: scores are not compared on its answers.`);
  }
  return notes;
}
