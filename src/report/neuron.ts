import type { Report } from './schema.js';

export type Neuron = Report['detector']['neurons'][number];

/** Name of a neuron: `L12·1043`. */
export function neuronName({ layer, index }: { layer: number; index: number }): string {
  return `L${layer}·${index}`;
}

/** A weight with its sign and three significant digits. */
export function formatWeight(weight: number): string {
  return `${weight < 0 ? '−' : '+'}${Math.abs(weight).toPrecision(3).replace(/^0\./, '.')}`;
}

/** Strongest neurons first. */
export function byStrength(neurons: readonly Neuron[]): Neuron[] {
  return [...neurons].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
}
