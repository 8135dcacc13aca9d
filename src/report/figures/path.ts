import * as Plot from '@observablehq/plot';
import { formatCount, formatShare } from '../format.js';
import type { Markup } from '../markup.js';
import type { Report } from '../schema.js';
import { describeAsGood } from '../selection.js';
import { COLOUR, responsiveFigure } from './figure.js';

type Point = Report['training']['grid'][number];
type Key = 'accuracy' | 'suppressed' | 'neurons';

/** Every point is labelled up to so many of them. */
const MOST_LABELS = 8;

/** The grid of C: held-out accuracy, what the model can still do without these neurons, and their number. */
export function regularisationPath({ training }: Report): Markup {
  const { grid, score } = training;
  const chosen = grid.find(({ C }) => C === training.chosen);
  const otherC = describeAsGood(training);
  const measured = score !== undefined && grid.every(({ suppressed }) => suppressed !== undefined);
  const panel = (narrow: boolean, key: Key, label: string, bottom = false): Plot.PlotOptions => ({
    // The values of the middle panel lie along its upper edge: its label needs room above them.
    height: bottom ? 170 : key === 'suppressed' ? 166 : 150,
    marginLeft: 46,
    marginRight: 24,
    marginTop: key === 'suppressed' ? 42 : 24,
    marginBottom: bottom ? 38 : 14,
    style: { fontSize: '12px' },
    x: {
      type: 'log',
      label: bottom ? 'C (the larger, the more neurons)' : null,
      labelAnchor: 'center',
      labelArrow: 'none',
      inset: 14,
      ticks: narrow && grid.length > MOST_LABELS ? 4 : grid.map(({ C }) => C),
      tickFormat: bottom ? String : () => '',
    },
    y: { label, labelArrow: 'none', grid: true, ticks: 4, nice: true, zero: key === 'neurons' },
    marks: [
      Plot.ruleX([training.chosen], { stroke: COLOUR.hallucinated, strokeDasharray: '3 3' }),
      ...(key === 'suppressed' && score
        ? [Plot.ruleY([score.unsuppressed], { stroke: COLOUR.ink, strokeDasharray: '4 4' })]
        : []),
      Plot.lineY(grid, { x: 'C', y: key, stroke: COLOUR.control, strokeWidth: 2 }),
      Plot.dot(grid, {
        x: 'C',
        y: key,
        r: 4,
        fill: ({ C }: Point) => (C === training.chosen ? COLOUR.hallucinated : COLOUR.control),
      }),
      Plot.text(grid.length <= MOST_LABELS ? grid : grid.filter(({ C }) => C === training.chosen), {
        x: 'C',
        y: key,
        text: (point: Point) => (key === 'neurons' ? formatCount(point[key]) : formatShare(point[key]!)),
        dy: -12,
        fill: COLOUR.ink,
        stroke: COLOUR.paper,
        strokeWidth: 3,
      }),
    ],
  });
  const alt =
    `Held-out accuracy, ${measured ? 'share of known questions right without the H-Neurons, ' : ''}and number of neurons for ` +
    `${grid.length} values of C. Chosen: C = ${training.chosen}${
      chosen
        ? `, accuracy ${formatShare(chosen.accuracy)}, ${measured ? `${formatShare(chosen.suppressed!)} without the H-Neurons, ` : ''}${chosen.neurons} neurons`
        : ''
    }.`;
  return responsiveFigure(
    {
      id: 'path',
      title: 'How many neurons to take',
      caption:
        `The penalty decides how many neurons get a weight. Tried on ${training.folds} parts of the training half in ` +
        `turn; chosen: ${training.rule}.${otherC === undefined ? '' : ` ${otherC}.`}${
          measured
            ? ` In the middle: ${formatCount(score.questions)} training questions that the model knows, answered with the H-Neurons switched off.`
            : ''
        }`,
      alt,
      keys: [
        ['dot hallucinated', `chosen: C = ${training.chosen}`],
        ...(measured ? [['dash', 'with all neurons on'] as const] : []),
      ],
    },
    (_, narrow) => [
      panel(narrow, 'accuracy', 'accuracy in cross-validation'),
      ...(measured ? [panel(narrow, 'suppressed', 'right without the H-Neurons')] : []),
      panel(narrow, 'neurons', 'neurons', true),
    ],
  );
}
