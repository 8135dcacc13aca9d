import { isDegenerate } from '../../intervene/readability.js';
import type { Benchmark, Outcome } from '../../intervene/types.js';
import { reaches } from '../../report/intervention/effect.js';
import type {
  ComplianceBenchmark,
  CompliancePoint,
  ComplianceSlope,
} from '../../report/intervention/schema.js';
import { mcNemar } from '../../stats/mcnemar.js';
import { derive } from '../../stats/random.js';
import { bootstrapMean, itemSlopes } from '../../stats/slope.js';
import { wilsonInterval } from '../../stats/wilson.js';
import { numberGroups } from '../groups.js';
import type { InterventionAnswer } from './answers.js';
import type { NeuronSet } from './neuron-sets.js';

/** Answers with their outcomes under one condition, in the order of the items. */
export interface Reading {
  answers: InterventionAnswer[];
  outcomes: Outcome[];
}

/** What was said to one benchmark; at alpha 1 all sets share one reading. */
export interface Readings {
  benchmark: Benchmark;
  judge: string;
  at(set: NeuronSet, alpha: number): Reading;
}

/** Alphas between which items are compared one by one. */
const PAIRS: [number, number][] = [
  [1, 0],
  [1, 2],
  [1, 3],
  [0, 3],
];

/**
 * Compliance curves of the H-Neurons and their controls with what belongs to them: intervals, slopes, paired changes. An item
 * without a usable verdict is left out at all alphas of the set of neurons that it failed under, and kept under the others.
 * @param sets the H-Neurons first
 * @param alphas all of them, and those at which the controls were asked too
 * @param sound alphas at which the model with scaled H-Neurons is sound
 */
export function complianceCurves(
  { benchmark, judge, at }: Readings,
  sets: readonly NeuronSet[],
  alphas: { all: readonly number[]; controls: readonly number[] },
  sound: readonly number[],
  seed: number,
): ComplianceBenchmark {
  const alphasOf = ({ kind }: NeuronSet) => (kind === 'h-neurons' ? alphas.all : alphas.controls);
  const { items } = benchmark;
  const placesOf = (set: NeuronSet, twin: boolean) =>
    usableItems(alphasOf(set).map((alpha) => at(set, alpha))).filter((i) => items[i].twin === twin);
  const own = placesOf(sets[0], false);
  const twins = placesOf(sets[0], true);
  const complies = (set: NeuronSet, alpha: number) =>
    placesOf(set, false).map((i) => at(set, alpha).outcomes[i] === 'complies');
  const slopes = (over: readonly number[], values: (alpha: number) => boolean[]) => {
    const columns = over.map(values);
    return itemSlopes(
      over,
      columns[0].map((_, i) => columns.map((column) => Number(column[i]))),
    );
  };
  const slopesOf = (set: NeuronSet, over: readonly number[]) => slopes(over, (alpha) => complies(set, alpha));
  const interval = (values: Float64Array, places: number[], name: string) =>
    bootstrapMean(
      values,
      numberGroups(places.map((i) => items[i].group)),
      derive(seed, 'slope', benchmark.name, name),
    );
  const meanSlope = (set: NeuronSet, over: readonly number[]) => {
    const all = slopesOf(set, over);
    return all.reduce((sum, slope) => sum + slope, 0) / all.length;
  };
  const twinSlope = (over: readonly number[], name: string) =>
    twins.length > 0
      ? interval(
          slopes(over, (alpha) => twins.map((i) => at(sets[0], alpha).outcomes[i] === 'right')),
          twins,
          name,
        )
      : null;
  /** @param compared those of the alphas at which the controls were asked too */
  const slopeOver = (over: readonly number[], compared: readonly number[], name: string): ComplianceSlope => {
    const hNeurons = interval(slopesOf(sets[0], over), own, name);
    const peers = compared.length < 2 ? [] : sets.slice(1);
    const mean = compared.length < 2 ? hNeurons.estimate : meanSlope(sets[0], compared);
    const controls = peers.map((set) => ({ kind: set.kind, set: set.name, slope: meanSlope(set, compared) }));
    const rank = (kind?: NeuronSet['kind']) => {
      const ranked = controls.filter((one) => kind === undefined || one.kind === kind);
      if (ranked.length === 0) return null;
      return (1 + ranked.filter(({ slope }) => reaches(slope, mean)).length) / (1 + ranked.length);
    };
    return {
      hNeurons,
      compared: { alphas: [...compared], hNeurons: mean },
      controls: controls.map(({ set, slope }) => ({ set, slope })),
      p: rank(),
      pRandom: rank('random'),
      pMatched: rank('layer-matched'),
    };
  };
  const soundControls = alphas.controls.filter((alpha) => sound.includes(alpha));
  return {
    name: benchmark.name,
    complies: benchmark.complies,
    items: own.length,
    twins: twins.length,
    failed: items.length - own.length - twins.length,
    judge,
    curves: sets.map((set) => ({
      set: set.name,
      points: alphasOf(set).map((alpha) =>
        pointOf(alpha, at(set, alpha), placesOf(set, false), placesOf(set, true)),
      ),
    })),
    slope: slopeOver(alphas.all, alphas.controls, 'all'),
    twinSlope: twinSlope(alphas.all, 'twins'),
    soundSlope:
      sound.length >= 2 && sound.length < alphas.all.length
        ? {
            low: sound[0],
            high: sound[sound.length - 1],
            ...slopeOver(sound, soundControls, 'sound'),
            twins: twinSlope(sound, 'sound twins'),
          }
        : null,
    paired: PAIRS.filter(([from, to]) => alphas.all.includes(from) && alphas.all.includes(to)).map(
      ([from, to]) => ({
        from,
        to,
        ...mcNemar(complies(sets[0], from), complies(sets[0], to)),
      }),
    ),
  };
}

/** Places of the items that have a verdict in all of these readings. */
export function usableItems(readings: readonly Reading[]): number[] {
  return readings[0].outcomes.flatMap((_, i) =>
    readings.every(({ outcomes }) => outcomes[i] !== 'failed') ? [i] : [],
  );
}

function pointOf(
  alpha: number,
  { answers, outcomes }: Reading,
  own: readonly number[],
  twins: readonly number[],
): CompliancePoint {
  const count = (places: readonly number[], outcome: Outcome) =>
    places.filter((i) => outcomes[i] === outcome).length;
  const all = [...own, ...twins];
  const share = (test: (text: string) => boolean) =>
    all.filter((i) => test(answers[i].text)).length / Math.max(1, all.length);
  return {
    alpha,
    complianceRate: wilsonInterval(count(own, 'complies'), own.length),
    neither: count(own, 'neither') / Math.max(1, own.length),
    twins: twins.length > 0 ? wilsonInterval(count(twins, 'right'), twins.length) : null,
    degenerate: share(isDegenerate),
    meanTokens: all.reduce((sum, i) => sum + answers[i].tokens, 0) / Math.max(1, all.length),
  };
}
