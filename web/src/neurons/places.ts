import type { Neuron, Place } from '../api/types.ts';

/** Most neurons whose CETT is asked for with every token: enough for most detectors, little enough to send. */
const MOST_WATCHED = 128;

export function keyOf({ layer, index }: { layer: number; index: number }): string {
  return `${layer}:${index}`;
}

/** A neuron as people say it. */
export function nameOf({ layer, index }: { layer: number; index: number }): string {
  return `layer ${layer}, neuron ${index}`;
}

/** The same where a line begins with it. */
export function titleOf({ layer, index }: { layer: number; index: number }): string {
  return `Layer ${layer}, neuron ${index}`;
}

export function byWeight(neurons: Neuron[]): Neuron[] {
  return [...neurons].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
}

/** The neurons that answers are asked to carry: the heaviest ones, and `also`. */
export function watchedNeurons(neurons: Neuron[], also?: Neuron | null): Place[] {
  const watched = byWeight(neurons).slice(0, MOST_WATCHED);
  if (also && !watched.some((neuron) => keyOf(neuron) === keyOf(also))) watched.push(also);
  return watched.map(({ layer, index }) => [layer, index]);
}

/** A weight with its sign, in three digits. */
export function weightName(weight: number): string {
  return `${weight < 0 ? '−' : '+'}${Number(Math.abs(weight).toPrecision(3))}`;
}
