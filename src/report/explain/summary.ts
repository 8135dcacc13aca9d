import { formatFixed } from '../format.js';
import type { Card, Explain, TokenEffectText } from './schema.js';

/** Below this a test is taken to speak against chance. */
const LEVEL = 0.05;

/** Below this agreement the sign of a neuron is said to change. */
export const MIXED = 0.9;

/** Whether the first token of a list lies farther out than the largest of as many normal numbers would. */
export function standsOut([first]: TokenEffectText[], chance: number): boolean {
  return first !== undefined && Math.abs(first.deviations) > chance;
}

/** For none, one and more. */
const HAVE = ['has any', 'has some', 'have some'];

const NO_MEANING = 'the ends of a distribution, with no meaning to be read into them';

/** What the cards say taken together. */
export function summariseCards({ cards, lens }: Pick<Explain, 'cards' | 'lens'>): string {
  const single = cards.length === 1;
  const count = (holds: (card: Card) => boolean) => cards.filter(holds).length;
  const of = (number: number, all = cards.length) => `${number === 0 ? 'none' : number} of ${all}`;
  const telling = count(
    ({ promotes, suppresses }) => standsOut(promotes, lens.chance) || standsOut(suppresses, lens.chance),
  );
  const mixed = count(({ agreement }) => agreement < MIXED);
  const apart = count(({ cett: { faithful, hallucinated } }) =>
    Boolean(faithful && hallucinated && hallucinated.low > faithful.high),
  );
  const tested = cards.flatMap(({ alone }) => alone ?? []);
  const moved = tested.filter(({ p }) => p < LEVEL).length;
  if (single) {
    return [
      telling === 1
        ? 'Tokens of this neuron stand out from the vocabulary more than chance would have it.'
        : `No token of this neuron stands out from the vocabulary more than chance would have it: its lists are ${NO_MEANING}.`,
      mixed === 1
        ? 'The sign of its activation changes: it promotes in one answer what it suppresses in another.'
        : 'Its activation keeps its sign.',
      `It is ${apart === 1 ? '' : 'not '}clearly more active on made-up answers than on right ones (intervals apart, unseen questions).`,
      ...tested.map(
        () =>
          `Switched off alone it ${moved === 1 ? 'changed compliance' : 'did not change compliance'} beyond noise (p < .05).`,
      ),
    ].join(' ');
  }
  const others =
    telling === cards.length
      ? ''
      : `; the lists of ${telling === 0 ? 'all' : 'the others'} are ${NO_MEANING}`;
  const parts = [
    `Tokens that stand out from the vocabulary more than chance would have it: ${of(telling)} neurons ${HAVE[Math.min(telling, 2)]}${others}.`,
    `The sign of the activation changes in ${of(mixed)}${mixed === 0 ? '' : ': what these promote in one answer they suppress in another'}.`,
    `Clearly more active on made-up answers than on right ones (intervals apart, unseen questions): ${of(apart)}.`,
  ];
  if (tested.length > 0) {
    const chance = LEVEL * tested.length;
    parts.push(
      `Compliance changed beyond noise (p < .05) when a neuron was switched off alone: ${of(moved, tested.length)}, where chance alone gives up to ${formatFixed(chance, 1)}${
        moved <= Math.max(chance, tested.length / 4)
          ? ': what a single neuron does is mostly within noise'
          : ''
      }.`,
    );
  }
  return parts.join(' ');
}
