import type { Card } from './schema.js';

/** On how many of a card's items the model complies with the neuron off, and with every neuron on. */
export function complying({ items, complies, gained, lost }: NonNullable<Card['alone']>): {
  off: number;
  asItIs: number;
} {
  const off = Math.round(complies.estimate * items);
  return { off, asItIs: off - gained + lost };
}
