import * as Plot from '@observablehq/plot';
import { formatRange, formatShare, visibleText } from '../format.js';
import type { Markup } from '../markup.js';
import type { Report } from '../schema.js';
import { COLOUR, NARROW, nameAxis, nameMargin, responsiveFigure, smallFigure } from './figure.js';

const DETECTOR = 'H-Neurons';
const RANDOM = 'random neurons';
const MATCHED = 'random, same layers';

/** AUROC of detector, random controls and baselines on one scale. */
export function controlDots({ test }: Report): Markup {
  const { auroc, control, layerMatched, baselines } = test;
  const draws = [{ name: RANDOM, ...control }, ...(layerMatched ? [{ name: MATCHED, ...layerMatched }] : [])];
  const rows = [
    { name: DETECTOR, colour: COLOUR.hallucinated, ...auroc },
    ...baselines.map(({ name, auroc }) => ({ name: visibleText(name), colour: COLOUR.ink, ...auroc })),
  ];
  const names = [
    DETECTOR,
    ...draws.map(({ name }) => name),
    ...baselines.map(({ name }) => visibleText(name)),
  ];
  const figures = [
    ...rows.map(({ name, estimate }) => ({ name, estimate })),
    ...draws.map(({ name, auroc: range }) => ({ name, estimate: range.mean })),
  ];
  const runs = draws.flatMap(({ name, runs }) => runs.map((run) => ({ ...run, name })));
  const lowest = Math.min(0.45, ...draws.map(({ auroc: range }) => range.low), ...rows.map(({ low }) => low));
  return responsiveFigure(
    {
      id: 'controls',
      title: 'Against chance and cheap tricks',
      caption:
        `AUROC of the detector, of ${control.runs.length} sets of as many random neurons (one dot each, the tick is ` +
        'their mean), and of figures that need no look inside the model. Lines are 95 % intervals; the shaded band is ' +
        'the interval of the detector.',
      alt: `AUROC: ${figures.map(({ name, estimate }) => `${name} ${formatShare(estimate)}`).join(', ')}. Guessing is .50.`,
      keys: [
        ['dot hallucinated', 'detector'],
        ['dot control', 'one set of random neurons'],
        ['dot ink', 'baseline'],
        ['dash', 'guessing'],
      ],
    },
    (_, narrow) => ({
      height: (names.length > 8 ? 28 : 36) * names.length + 56,
      marginLeft: nameMargin(narrow),
      marginRight: 44,
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
      y: { domain: names, axis: null },
      marks: [
        nameAxis(narrow),
        Plot.rect([auroc], { x1: 'low', x2: 'high', fill: COLOUR.hallucinated, fillOpacity: 0.12 }),
        Plot.ruleX([0.5], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.ruleY(rows, { y: 'name', x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 2.5 }),
        Plot.dot(rows, { y: 'name', x: 'estimate', fill: 'colour', r: 5.5 }),
        Plot.dot(runs, {
          y: 'name',
          x: 'auroc',
          r: 4.5,
          fill: COLOUR.control,
          fillOpacity: 0.55,
          title: (run) => `seed ${run.seed}: ${formatShare(run.auroc)}`,
        }),
        Plot.tickX(draws, {
          y: 'name',
          x: ({ auroc: range }) => range.mean,
          stroke: COLOUR.ink,
          strokeWidth: 2,
          inset: 7,
        }),
        Plot.text(figures, {
          y: 'name',
          text: ({ estimate }) => formatShare(estimate),
          frameAnchor: 'right',
          dx: 40,
          fill: COLOUR.ink,
          fontWeight: 600,
        }),
      ],
      color: { type: 'identity' },
    }),
  );
}

const square = (): Plot.PlotOptions => ({
  width: NARROW + 32,
  height: NARROW + 32,
  marginLeft: 44,
  marginBottom: 40,
  marginRight: 14,
  marginTop: 26,
  style: { fontSize: '12px' },
});

const diagonal = () =>
  Plot.line(
    [
      [0, 0],
      [1, 1],
    ],
    { stroke: COLOUR.ink, strokeDasharray: '4 4' },
  );

/** The ROC curve with the range of the random controls. */
export function rocCurve({ test }: Report): Markup {
  return smallFigure(
    {
      id: 'roc',
      title: 'ROC curve',
      caption:
        'Sound the alarm more easily, and more hallucinations are caught (upwards) at the price of more false alarms ' +
        '(to the right). The further towards the top left, the better.',
      alt: `ROC curve of the detector, area ${formatShare(test.auroc.estimate)}; the random controls range from ${formatRange(
        test.control.auroc,
      )}; the diagonal is guessing.`,
      keys: [
        ['line hallucinated', 'detector'],
        ['area control', 'range of random neurons, and mean'],
        ['dash', 'guessing'],
      ],
    },
    {
      ...square(),
      x: {
        domain: [0, 1],
        label: 'false alarms',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: formatShare,
        ticks: 5,
      },
      y: {
        domain: [0, 1],
        label: 'hallucinations caught',
        labelArrow: 'none',
        tickFormat: formatShare,
        ticks: 5,
        grid: true,
      },
      marks: [
        Plot.areaY(test.control.rocBand, {
          x: 'falsePositive',
          y1: 'low',
          y2: 'high',
          fill: COLOUR.control,
          fillOpacity: 0.3,
        }),
        Plot.lineY(test.control.rocBand, { x: 'falsePositive', y: 'mean', stroke: COLOUR.control }),
        diagonal(),
        Plot.lineY(test.roc, {
          x: 'falsePositive',
          y: 'truePositive',
          stroke: COLOUR.hallucinated,
          strokeWidth: 2.5,
        }),
      ],
    },
  );
}

/** Reliability diagram of the calibrated risk. */
export function reliability({ test }: Report): Markup {
  const { bins, brier, ece } = test.calibration;
  return smallFigure(
    {
      id: 'calibration',
      title: 'Can the risk be taken at its word?',
      caption:
        'Answers sorted by the risk that the detector states: how many of them were hallucinated? On the diagonal, a ' +
        `stated 70 % means 70 %. Bigger dots hold more answers. Brier score ${formatShare(brier)} (.25 for always ` +
        `saying one half), mean distance from the diagonal ${formatShare(ece)}.`,
      alt: `Reliability diagram: ${bins.map((bin) => `stated ${formatShare(bin.stated)}, observed ${formatShare(bin.observed)}, ${bin.samples} answers`).join('; ')}.`,
      keys: [
        ['dot hallucinated', 'answers of like risk'],
        ['dash', 'perfectly calibrated'],
      ],
    },
    reliabilityPlot(bins, NARROW + 32),
  );
}

/** The picture of a reliability diagram, `size` pixels wide and high. */
export function reliabilityPlot(bins: Report['test']['calibration']['bins'], size: number): Plot.PlotOptions {
  return {
    ...square(),
    width: size,
    height: size,
    x: {
      domain: [0, 1],
      label: 'stated risk',
      labelAnchor: 'center',
      labelArrow: 'none',
      tickFormat: formatShare,
      ticks: 5,
    },
    y: {
      domain: [0, 1],
      label: 'hallucinated in fact',
      labelArrow: 'none',
      tickFormat: formatShare,
      ticks: 5,
      grid: true,
    },
    r: { type: 'sqrt', domain: [0, Math.max(1, ...bins.map(({ samples }) => samples))], range: [0, 11] },
    marks: [
      diagonal(),
      Plot.lineY(bins, { x: 'stated', y: 'observed', stroke: COLOUR.hallucinated, strokeOpacity: 0.5 }),
      Plot.dot(bins, {
        x: 'stated',
        y: 'observed',
        r: 'samples',
        fill: COLOUR.hallucinated,
        fillOpacity: 0.85,
        title: (bin) => `${bin.samples} answers`,
      }),
    ],
  };
}

/** AUROC inside each relation, with intervals. */
export function relationForest({ test }: Report): Markup {
  const rows = test.relations
    .flatMap(({ relation, auroc, small }) =>
      auroc
        ? [{ ...auroc, name: visibleText(relation), colour: small ? COLOUR.control : COLOUR.hallucinated }]
        : [],
    )
    .sort((a, b) => b.estimate - a.estimate);
  return responsiveFigure(
    {
      id: 'relations-figure',
      title: 'Inside each kind of question',
      caption:
        'AUROC among questions of the same kind, where the topic cannot help. Lines are 95 % intervals. ' +
        'Kinds with few samples are grey: read nothing into them.',
      alt: rows
        .map(
          ({ name, estimate, low, high }) =>
            `${name} ${formatShare(estimate)} (${formatRange({ low, high })})`,
        )
        .join(', '),
      keys: [
        ['dot hallucinated', 'enough samples'],
        ['dot control', 'few samples'],
        ['dash', 'guessing'],
      ],
    },
    (_, narrow) => ({
      height: 24 * rows.length + 52,
      marginLeft: nameMargin(narrow),
      marginRight: 16,
      marginTop: 6,
      marginBottom: 40,
      style: { fontSize: '12px' },
      x: {
        domain: [Math.min(0.4, ...rows.map(({ low }) => Math.floor(low * 10) / 10)), 1],
        label: 'AUROC',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: formatShare,
        ticks: narrow ? 4 : 8,
        grid: true,
      },
      y: { domain: rows.map(({ name }) => name), axis: null },
      color: { type: 'identity' },
      marks: [
        nameAxis(narrow),
        Plot.ruleX([0.5], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.ruleY(rows, { y: 'name', x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 2 }),
        Plot.dot(rows, { y: 'name', x: 'estimate', fill: 'colour', r: 5 }),
      ],
    }),
  );
}
