import pc from 'picocolors';
import { formatP, formatPercent, formatPoints, formatPointsRange, visibleText } from '../format.js';
import { formatWeight, neuronName } from '../neuron.js';
import type { Card, Context, Explain, TokenEffectText } from './schema.js';
import { MIXED, standsOut } from './summary.js';

/** Cards that fit a summary, and what each shows. */
const CARDS = 3;
const TOKENS = 8;
const CONTEXTS = 2;

type Colours = ReturnType<typeof pc.createColors>;

/**
 * The strongest cards for a terminal, ending in a newline; plain text unless `color`. Control characters of untrusted text
 * are made visible.
 */
export function renderCards(explained: Explain, { color = false } = {}): string {
  const colours = pc.createColors(color);
  const { cards, summary } = explained;
  const shown = cards.slice(0, CARDS);
  const more = cards.length - shown.length;
  return [
    ...shown.map((card) => `${renderCard(card, explained, colours)}\n`),
    summary,
    ...(more > 0 ? [colours.dim(`${more} more cards are in the file.`)] : []),
    '',
  ].join('\n');
}

function renderCard(card: Card, { lens, resamples }: Explain, colours: Colours): string {
  const { bold, dim } = colours;
  const { selected, alone, cett } = card;
  const line = (name: string, text: string) => `  ${dim(name.padEnd(12))} ${text}`;
  const list = (effects: TokenEffectText[]) =>
    `${tokens(effects)}${standsOut(effects, lens.chance) ? '' : dim('  (no more than chance)')}`;
  return [
    `${bold(neuronName(card))} ${dim(`weight ${card.weight === 0 ? 'none: not in the detector' : formatWeight(card.weight)}`)}`,
    line('promotes', list(card.promotes)),
    line('suppresses', list(card.suppresses)),
    ...card.most.slice(0, CONTEXTS).map((context) => line('most', quote(context, card, colours))),
    ...card.least.slice(0, 1).map((context) => line('least', quote(context, card, colours))),
    ...(card.agreement < MIXED
      ? [
          line(
            'sign',
            `it changes: ${formatPercent(card.agreement)} of its activity on answers is as these lists say`,
          ),
        ]
      : []),
    line(
      'mean CETT',
      `${mean(cett.faithful)} on right answers, ${mean(cett.hallucinated)} on made-up ones, ${mean(cett.other)} elsewhere`,
    ),
    ...(selected && resamples !== null
      ? [line('chosen', `in ${formatPercent(selected.positive)} of ${resamples} resamples as an H-Neuron`)]
      : []),
    ...(alone
      ? [
          line(
            'off alone',
            `complies ${formatPoints(alone.change.estimate)} points (${formatPointsRange(alone.change)}) on ${alone.items} items, ${formatP(alone.p)}`,
          ),
        ]
      : []),
  ].join('\n');
}

function tokens(list: TokenEffectText[]): string {
  return list
    .slice(0, TOKENS)
    .map(({ text }) => visibleText(text))
    .join('  ');
}

function quote(
  { before, marked, after, cett, label, positive }: Context,
  { direction }: Card,
  { bold, dim }: Colours,
): string {
  const kind = label === 'faithful' ? 'right' : 'made up';
  const sign = positive === direction > 0 ? '' : ', other sign';
  return `${visibleText(before)}${bold(`«${visibleText(marked)}»`)}${visibleText(after)} ${dim(`${cett.toPrecision(2)}, ${kind}${sign}`)}`;
}

const mean = (interval: Card['cett']['other']) => (interval ? interval.estimate.toPrecision(2) : '–');
