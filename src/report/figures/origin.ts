import * as Plot from '@observablehq/plot';
import { formatShare } from '../format.js';
import type { Markup } from '../markup.js';
import type { OriginDrift } from '../origin/schema.js';
import { COLOUR, nameAxis, nameMargin, responsiveFigure } from './figure.js';

/** Where the H-Neurons stand among all neurons by how much they moved. */
export function rankHistogram({ histogram, inertia }: OriginDrift): Markup {
  const even = 1 / histogram.length;
  const { meanRank } = inertia;
  return responsiveFigure(
    {
      id: 'rank-distribution',
      title: 'How much the H-Neurons moved',
      caption:
        'All neurons are ranked by how far training turned their weights: 0 moved most, 1 least. Bars show where the ' +
        'H-Neurons stand; if they were like all others, each bar would reach the dashed line.',
      alt: `Mean rank of the H-Neurons ${formatShare(meanRank.estimate)}; .50 is like all others.`,
      keys: [
        ['area hallucinated', 'H-Neurons'],
        ['dash', 'all neurons'],
      ],
    },
    (_, narrow) => ({
      height: 240,
      marginLeft: 44,
      marginBottom: 40,
      style: { fontSize: '12px' },
      x: {
        domain: [0, 1],
        label: 'rank',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: formatShare,
        ticks: narrow ? 5 : 10,
      },
      y: { label: 'share', labelArrow: 'none', tickFormat: formatShare, ticks: 5, grid: true },
      marks: [
        Plot.rectY(histogram, {
          x1: 'low',
          x2: 'high',
          y: 'hNeurons',
          fill: COLOUR.hallucinated,
          fillOpacity: 0.7,
          inset: 0.5,
          title: ({ low, high, hNeurons }) =>
            `${formatShare(low)}–${formatShare(high)}: ${formatShare(hNeurons)}`,
        }),
        Plot.ruleY([even], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.ruleX([meanRank.estimate], { stroke: COLOUR.hallucinated, strokeWidth: 2 }),
        Plot.ruleY([0]),
      ],
    }),
  );
}

/** Drift by layer: all neurons, and the H-Neurons of the layer. */
export function driftByLayer({ layers }: OriginDrift): Markup {
  const marked = layers.filter(({ hNeurons }) => hNeurons !== null);
  const most = layers.reduce((a, b) => (b.all > a.all ? b : a));
  return responsiveFigure(
    {
      id: 'drift-by-layer',
      title: 'Drift by layer',
      caption:
        'Layers move by different amounts. The line is the mean of all neurons of a layer, dots are the H-Neurons in it: ' +
        'below the line they moved less than their neighbours.',
      alt: `Mean drift of each of ${layers.length} layers; layer ${most.layer} moved most. ${marked.length} layers hold H-Neurons.`,
      keys: [
        ['dot hallucinated', 'H-Neurons of the layer'],
        ['line ink', 'all neurons of the layer'],
      ],
    },
    (_, narrow) => ({
      height: 260,
      marginLeft: 44,
      marginBottom: 40,
      style: { fontSize: '12px' },
      x: {
        label: 'layer',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: Math.min(layers.length, narrow ? 6 : 12),
        tickFormat: (layer) => (Number.isInteger(layer) ? String(layer) : ''),
      },
      y: { label: 'drift (z-score)', labelArrow: 'none', grid: true, ticks: 6 },
      marks: [
        Plot.line(layers, { x: 'layer', y: 'all', stroke: COLOUR.ink, strokeWidth: 2 }),
        Plot.dot(marked, {
          x: 'layer',
          y: 'hNeurons',
          r: ({ count }) => 2.5 + 1.5 * Math.sqrt(count),
          fill: COLOUR.hallucinated,
          fillOpacity: 0.75,
          title: ({ layer, count }) => `layer ${layer}: ${count}`,
        }),
      ],
    }),
  );
}

/** Mean rank of the H-Neurons beside sets of the same layers, as measured and with what the weight norms explain taken off. */
export function inertiaDots({ inertia, withoutNorms, gate }: OriginDrift): Markup {
  const rows = [
    { name: 'up and down', ...inertia },
    { name: 'without norms', ...withoutNorms },
    ...(gate ? [{ name: 'gate alone', ...gate }] : []),
  ];
  return responsiveFigure(
    {
      id: 'inertia',
      title: 'Could size or depth explain it?',
      caption:
        'Large weights turn less under the same update, and layers differ. Dots: mean rank of the H-Neurons with its 95 % ' +
        'interval, as measured, and after the size of the weights is allowed for. Grey: where 95 % of random sets from the ' +
        'same layers lie.',
      alt: rows.map(({ name, meanRank }) => `${name}: ${formatShare(meanRank.estimate)}`).join(', '),
      keys: [
        ['dot hallucinated', 'H-Neurons'],
        ['area control', 'random sets of the same layers'],
        ['dash', 'like all others'],
      ],
    },
    (_, narrow) => ({
      height: 40 * rows.length + 56,
      marginLeft: nameMargin(narrow),
      marginRight: 44,
      marginBottom: 40,
      style: { fontSize: '12px' },
      x: {
        domain: [0, 1],
        label: 'mean rank',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: formatShare,
        ticks: narrow ? 5 : 10,
        grid: true,
      },
      y: { domain: rows.map(({ name }) => name), axis: null },
      marks: [
        nameAxis(narrow),
        Plot.ruleY(rows, {
          y: 'name',
          x1: (row) => row.layerMatched.low,
          x2: (row) => row.layerMatched.high,
          stroke: COLOUR.control,
          strokeWidth: 12,
          strokeOpacity: 0.45,
        }),
        Plot.ruleX([0.5], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.ruleY(rows, {
          y: 'name',
          x1: (row) => row.meanRank.low,
          x2: (row) => row.meanRank.high,
          stroke: COLOUR.hallucinated,
          strokeWidth: 2.5,
        }),
        Plot.dot(rows, { y: 'name', x: (row) => row.meanRank.estimate, fill: COLOUR.hallucinated, r: 5.5 }),
        Plot.text(rows, {
          y: 'name',
          text: (row) => formatShare(row.meanRank.estimate),
          frameAnchor: 'right',
          dx: 38,
          fill: COLOUR.ink,
        }),
      ],
    }),
  );
}
