import type { Engine } from '../../engine/types.js';
import type { ControlScores } from '../../stats/evaluate.js';
import type { Controls } from '../controls-file.js';
import { decisionValues } from '../decision.js';
import type { Detector } from '../detector.js';
import { answerMeans } from '../score.js';
import type { Answer } from './ask.js';

/** What the detector and its controls make of some answers, in order. */
export interface Weighed {
  /** Raw scores of the detector, and its decision values (log-odds, above 0: hallucinated). */
  scores: Float64Array;
  decisions: Float64Array;
  random: ControlScores[];
  layerMatched: ControlScores[];
}

type Linear = Pick<Detector, 'neurons' | 'intercept' | 'calibration'>;

/** Reads the neurons of the detector and of all controls, and no others, at the answer tokens, and scores the answers. */
export async function weighAnswers(options: {
  engine: Engine;
  detector: Detector;
  controls: Controls | undefined;
  answers: readonly Answer[];
  onProgress: (done: number, total: number) => void;
}): Promise<Weighed> {
  const { engine, detector, answers, onProgress } = options;
  const controls = options.controls?.controls ?? [];
  const { ffn } = detector.model;
  const flat = ({ layer, index }: { layer: number; index: number }) => layer * ffn + index;
  const columns = [...new Set([detector, ...controls].flatMap(({ neurons }) => neurons.map(flat)))].sort(
    (a, b) => a - b,
  );
  const place = new Map(columns.map((column, at) => [column, at]));
  const sequences = answers.map(({ tokens, answerTokens }) => ({
    tokens,
    answerStart: answerTokens!.start,
    answerEnd: answerTokens!.end,
  }));
  const means = await answerMeans(engine, columns, sequences, onProgress);
  const scoresOf = ({ neurons, intercept }: Linear) =>
    Float64Array.from(means, (mean) =>
      neurons.reduce((sum, neuron) => sum + neuron.weight * mean[place.get(flat(neuron))!], intercept),
    );
  const ofKind = (wanted: Controls['controls'][number]['kind']): ControlScores[] =>
    controls
      .filter(({ kind }) => kind === wanted)
      .map((control) => ({
        seed: control.seed,
        scores: decisionValues(control.calibration, scoresOf(control)),
      }));
  const scores = scoresOf(detector);
  return {
    scores,
    decisions: decisionValues(detector.calibration, scores),
    random: ofKind('random'),
    layerMatched: ofKind('layer-matched'),
  };
}
