import * as Plot from '@observablehq/plot';
import { formatRange, formatShare, visibleText } from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Table, TableRow } from '../table/schema.js';
import { reliabilityPlot } from './detection.js';
import { COLOUR, draw, frame, nameAxis, nameMargin, responsiveFigure } from './figure.js';

type Measured = TableRow & { figures: NonNullable<TableRow['figures']> };

/** The rows that have figures. */
export function measuredRows({ rows }: Pick<Table, 'rows'>): Measured[] {
  return rows.filter((row): row is Measured => row.figures !== null);
}

/** AUROC on each data set: detector, random neurons and log-probability on one scale. */
export function tableDots(table: Table): Markup {
  const rows = measuredRows(table);
  const name = (row: Measured) => visibleText(row.name);
  const intervals = rows.flatMap((row) => [
    { name: name(row), colour: COLOUR.hallucinated, dy: -7, ...row.figures.auroc },
    { name: name(row), colour: COLOUR.ink, dy: 7, ...row.figures.logProbability.auroc },
  ]);
  const runs = rows.flatMap((row) =>
    (row.figures.random?.runs ?? []).map(({ auroc }) => ({ name: name(row), auroc })),
  );
  const lowest = Math.min(0.45, ...intervals.map(({ low }) => low), ...runs.map(({ auroc }) => auroc));
  return responsiveFigure(
    {
      id: 'table-auroc',
      title: 'On other questions',
      caption:
        'AUROC of the detector on each data set, of as many random neurons (one dot for each set), and of the probability that the ' +
        'model itself gave its answer. Lines are 95 % intervals.',
      alt: rows
        .map(
          ({ figures, ...row }) =>
            `${row.name}: H-Neurons ${formatShare(figures.auroc.estimate)} (${formatRange(figures.auroc)}), ` +
            `random neurons ${figures.random ? formatShare(figures.random.auroc.mean) : 'not there'}, ` +
            `log-probability ${formatShare(figures.logProbability.auroc.estimate)}`,
        )
        .join('; '),
      keys: [
        ['dot hallucinated', 'detector'],
        ['dot control', 'one set of random neurons'],
        ['dot ink', 'log-probability'],
        ['dash', 'guessing'],
      ],
    },
    (_, narrow) => ({
      height: 52 * rows.length + 56,
      marginLeft: nameMargin(narrow),
      marginRight: 16,
      marginTop: 12,
      marginBottom: 40,
      style: { fontSize: '12px' },
      x: {
        domain: [Math.floor(lowest * 20) / 20, 1],
        label: 'AUROC',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 4 : 8,
        tickFormat: formatShare,
        grid: true,
      },
      y: { domain: rows.map(name), axis: null },
      color: { type: 'identity' },
      marks: [
        nameAxis(narrow),
        Plot.ruleX([0.5], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.dot(runs, { y: 'name', x: 'auroc', r: 4, fill: COLOUR.control, fillOpacity: 0.5 }),
        ...[-7, 7].flatMap((dy) => {
          const some = intervals.filter((each) => each.dy === dy);
          return [
            Plot.ruleY(some, { y: 'name', x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 2.5, dy }),
            Plot.dot(some, { y: 'name', x: 'estimate', fill: 'colour', r: 5.5, dy }),
          ];
        }),
      ],
    }),
  );
}

/** A small reliability diagram for each data set. */
export function tableReliability(table: Table): Markup {
  const rows = measuredRows(table);
  return frame(
    {
      id: 'table-calibration',
      title: 'Does the stated risk hold elsewhere?',
      caption:
        'The risk was calibrated on the training half of the run. Elsewhere it may be too high or too low: on the diagonal, a stated ' +
        '70 % means 70 %. ECE is the mean distance from the diagonal.',
      alt: '',
      keys: [
        ['dot hallucinated', 'answers of like risk'],
        ['dash', 'perfectly calibrated'],
      ],
    },
    html`<div class="multiples">${rows.map(
      ({ name, figures: { calibration } }) =>
        html`<div><h4>${name} <span>ECE ${formatShare(calibration.ece)}</span></h4>${draw(
          `Reliability diagram of ${name}: ${calibration.bins.map((bin) => `stated ${formatShare(bin.stated)}, observed ${formatShare(bin.observed)}, ${bin.samples} answers`).join('; ')}.`,
          reliabilityPlot(calibration.bins, 200),
        )}</div>`,
    )}</div>`,
  );
}
