import * as Plot from '@observablehq/plot';
import { formatShare } from '../format.js';
import { html, type Markup } from '../markup.js';
import { COLOUR, type FigureOptions, frame, nameAxis, nameMargin, responsiveFigure } from './figure.js';

export interface IntervalRow {
  name: string;
  colour: string;
  estimate: number;
  low: number;
  high: number;
}

/** Named figures with their intervals on one scale from 0 to 1, and a dashed line at a reference. */
export function intervalRows(
  options: FigureOptions,
  rows: IntervalRow[],
  { reference, label }: { reference: number; label: string },
): Markup {
  if (rows.length === 0) return frame({ ...options, keys: undefined }, html``);
  const lowest = Math.min(reference, ...rows.map(({ low }) => low));
  const highest = Math.max(reference, ...rows.map(({ high }) => high));
  return responsiveFigure(options, (_, narrow) => ({
    height: 30 * rows.length + 52,
    marginLeft: nameMargin(narrow),
    marginRight: 44,
    marginTop: 8,
    marginBottom: 40,
    style: { fontSize: '12px' },
    x: {
      domain: [
        Math.max(0, Math.floor(lowest * 10 - 0.5) / 10),
        Math.min(1, Math.ceil(highest * 10 + 0.5) / 10),
      ],
      label,
      labelAnchor: 'center',
      labelArrow: 'none',
      ticks: narrow ? 4 : 8,
      tickFormat: formatShare,
      grid: true,
    },
    y: { domain: rows.map(({ name }) => name), axis: null },
    color: { type: 'identity' },
    marks: [
      nameAxis(narrow),
      Plot.ruleX([reference], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
      Plot.ruleY(rows, { y: 'name', x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 2.5 }),
      Plot.dot(rows, { y: 'name', x: 'estimate', fill: 'colour', r: 5.5 }),
      Plot.text(rows, {
        y: 'name',
        text: ({ estimate }) => formatShare(estimate),
        frameAnchor: 'right',
        dx: 40,
        fill: COLOUR.ink,
        fontWeight: 600,
      }),
    ],
  }));
}
