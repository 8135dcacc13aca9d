import * as Plot from '@observablehq/plot';
import { formatCount, visibleText } from '../format.js';
import type { Markup } from '../markup.js';
import type { Report } from '../schema.js';
import { COLOUR, nameAxis, nameMargin, responsiveFigure } from './figure.js';

/** What can become of a question, in words that the page uses everywhere. */
export const FATES = [
  ['faithful', 'always right'],
  ['mixed', 'sometimes right'],
  ['hallucinated', 'always wrong'],
  ['uncertain', 'did not know'],
  ['stopped', 'stopped early'],
] as const;

const FILL: Record<(typeof FATES)[number][0], string> = {
  faithful: COLOUR.faithful,
  mixed: COLOUR.control,
  hallucinated: COLOUR.hallucinated,
  uncertain: COLOUR.ink,
  stopped: COLOUR.faint,
};

/** What became of the questions, by relation. */
export function questionBars({ questions }: Report): Markup {
  const rows = new Map<string, Record<string, number>>();
  const totals: Record<string, number> = {};
  for (const counts of questions.counts) {
    const name = visibleText(counts.relation);
    const row = rows.get(name) ?? { total: 0 };
    rows.set(name, row);
    for (const [fate] of FATES) {
      row[fate] = (row[fate] ?? 0) + counts[fate];
      row.total += counts[fate];
      totals[fate] = (totals[fate] ?? 0) + counts[fate];
    }
  }
  const names = [...rows.keys()].sort((a, b) => rows.get(b)!.total - rows.get(a)!.total);
  const bars = names.flatMap((name) => {
    let end = 0;
    return FATES.map(([fate, text]) => {
      const start = end;
      end += rows.get(name)![fate];
      return { name, start, end, colour: FILL[fate], text: `${text}: ${formatCount(end - start)}` };
    });
  });
  return responsiveFigure(
    {
      id: 'questions-figure',
      title: 'What became of the questions',
      caption:
        'Only questions that are always right or always wrong are used, as many of the one as of the other from each kind.',
      alt: FATES.map(([fate, text]) => `${text}: ${formatCount(totals[fate] ?? 0)}`).join(', '),
      keys: FATES.map(([fate, text]) => [`area ${fate}`, text] as const),
    },
    (_, narrow) => ({
      height: 22 * names.length + 52,
      marginLeft: nameMargin(narrow),
      marginRight: 16,
      marginTop: 6,
      marginBottom: 40,
      style: { fontSize: '12px' },
      x: {
        label: 'questions',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 4 : 8,
        grid: true,
      },
      y: {
        domain: names,
        axis: null,
        padding: 0.25,
      },
      color: { type: 'identity' },
      marks: [
        nameAxis(narrow),
        Plot.barX(bars, { y: 'name', x1: 'start', x2: 'end', fill: 'colour', title: 'text' }),
        Plot.ruleX([0]),
      ],
    }),
  );
}
