import type { Card, Explain, TokenEffectText } from './schema.js';

/** Below this a test is taken to speak against chance. */
const LEVEL = 0.05;

/** Below this agreement the sign of a neuron is said to change. */
export const MIXED = 0.9;

/** Whether the first token of a list lies farther out than the largest of as many normal numbers would. */
export function standsOut([first]: TokenEffectText[], chance: number): boolean {
  return first !== undefined && Math.abs(first.deviations) > chance;
}

/** What the cards say taken together. */
export function summariseCards({ cards, lens }: Pick<Explain, 'cards' | 'lens' | 'benchmark'>): string {
  const count = (holds: (card: Card) => boolean) => cards.filter(holds).length;
  const of = (number: number) => `${number} of ${cards.length}`;
  const telling = count(
    ({ promotes, suppresses }) => standsOut(promotes, lens.chance) || standsOut(suppresses, lens.chance),
  );
  const apart = count(({ cett: { faithful, hallucinated } }) =>
    Boolean(faithful && hallucinated && hallucinated.low > faithful.high),
  );
  const others =
    telling < cards.length
      ? '; the lists of the others are the ends of a distribution, with no meaning to be read into them'
      : '';
  const mixed = count(({ agreement }) => agreement < MIXED);
  const parts = [
    `Tokens that stand out from the vocabulary more than chance would have it: ${of(telling)} neurons have some${others}.`,
    `The sign of the activation changes in ${of(mixed)}: these promote in one answer what they suppress in another.`,
    `Clearly more active on made-up answers than on right ones (intervals apart, unseen questions): ${of(apart)}.`,
  ];
  const tested = cards.flatMap(({ alone }) => alone ?? []);
  if (tested.length > 0) {
    const moved = tested.filter(({ p }) => p < LEVEL).length;
    const chance = LEVEL * tested.length;
    parts.push(
      `Compliance changed beyond noise (p < .05) when a neuron was switched off alone: ${moved} of ${tested.length}, where chance alone gives up to ${chance.toFixed(1)}${
        moved <= Math.max(chance, tested.length / 4)
          ? ': what a single neuron does is mostly within noise'
          : ''
      }.`,
    );
  }
  return parts.join(' ');
}
