import * as Plot from '@observablehq/plot';
import { formatCount, formatPercent, formatRange, formatShare } from '../format.js';
import { html, type Markup } from '../markup.js';
import { neuronName } from '../neuron.js';
import type { Report } from '../schema.js';
import { COLOUR, responsiveFigure } from './figure.js';
import { intervalRows } from './interval-rows.js';

/** Bars that are drawn at most. */
const MOST_BARS = 200;

/** Room for at least so many bars, so that one alone does not fill the figure. */
const FEWEST_BARS = 20;

/** Overlap of the H-Neurons between resamples, other halves, and by chance. */
export function overlapDots({ stability }: Report): Markup {
  if (!stability) return html``;
  const { resamples, detector, splits, chance } = stability.hNeurons;
  const rows = [
    { name: 'two resamples', colour: COLOUR.hallucinated, ...resamples },
    { name: 'resample, detector', colour: COLOUR.hallucinated, ...detector },
    { name: 'two other halves', colour: COLOUR.hallucinated, ...splits },
  ];
  return intervalRows(
    {
      id: 'overlap',
      title: 'How many H-Neurons two trainings share',
      caption:
        'Shared H-Neurons divided by all H-Neurons of both (Jaccard index): 1 for the same set, 0 for none in common. Dots are means, ' +
        `lines the middle 95 % of the pairs. By chance two such sets share ${formatShare(chance)}.`,
      alt: `${rows.map((row) => `${row.name} ${formatShare(row.estimate)} (${formatRange(row)})`).join(', ')}; by chance ${formatShare(chance)}.`,
      keys: [['dash', 'by chance']],
    },
    rows,
    { reference: chance, label: 'shared' },
  );
}

/** How often each H-Neuron of the detector is chosen again. */
export function selectionBars({ stability }: Report): Markup {
  if (!stability) return html``;
  const own = stability.neurons
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.positive - a.positive)
    .map((neuron, rank) => ({ ...neuron, rank }));
  if (own.length === 0) return html``;
  const shown = own.slice(0, MOST_BARS);
  const often = own.filter(({ positive }) => positive >= 0.5).length;
  const others = stability.neurons.filter(({ weight, positive }) => weight <= 0 && positive >= 0.5).length;
  return responsiveFigure(
    {
      id: 'selection',
      title: 'How often each H-Neuron is chosen again',
      caption:
        `One bar an H-Neuron of the detector: the share of the ${formatCount(stability.resamples)} resamples in which it was chosen as one. ` +
        `${formatCount(often)} of ${formatCount(own.length)} are chosen in at least half of them` +
        `${others > 0 ? `, and so are ${formatCount(others)} that the detector does not have` : ''}.`,
      alt: `Bars of ${shown.length} H-Neurons, from ${neuronName(shown[0])}, chosen in ${formatPercent(shown[0].positive)} of the resamples, down to ${neuronName(shown[shown.length - 1])}, in ${formatPercent(shown[shown.length - 1].positive)}.`,
    },
    (_, narrow) => ({
      height: narrow ? 160 : 190,
      marginLeft: 46,
      marginBottom: 12,
      style: { fontSize: '12px' },
      x: {
        type: 'band',
        axis: null,
        padding: shown.length > 80 ? 0 : 0.25,
        domain: Array.from({ length: Math.max(FEWEST_BARS, shown.length) }, (_, rank) => rank),
      },
      y: {
        domain: [0, 1],
        label: 'chosen',
        labelArrow: 'none',
        ticks: 4,
        tickFormat: formatPercent,
        grid: true,
      },
      marks: [
        Plot.barY(shown, {
          x: 'rank',
          y: 'positive',
          fill: COLOUR.hallucinated,
          title: (neuron) => `${neuronName(neuron)}: ${formatPercent(neuron.positive)}`,
        }),
        Plot.ruleY([0]),
      ],
    }),
  );
}
