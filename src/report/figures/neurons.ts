import * as Plot from '@observablehq/plot';
import { formatCount } from '../format.js';
import { html, type Markup } from '../markup.js';
import { byStrength, formatWeight, type Neuron, neuronName } from '../neuron.js';
import type { Report } from '../schema.js';
import { COLOUR, draw, frame, responsiveFigure } from './figure.js';

/** More marks than this add to the size of the file and nothing to the picture. */
const MOST_MARKS = 1000;

/** Room for at least so many bars, so that one alone does not fill the figure. */
const FEWEST_BARS = 20;

const SIGN_KEYS = [
  ['dot hallucinated', 'H-Neuron: speaks for a hallucination'],
  ['dot faithful', 'anti-associated: speaks for a right answer'],
] as const;

const describe = (neuron: Neuron) => `${neuronName(neuron)}, weight ${formatWeight(neuron.weight)}`;

/** Where the neurons sit: layer by index. */
export function neuronMap({ detector, model }: Report): Markup {
  const shown = byStrength(detector.neurons).slice(0, MOST_MARKS);
  const strongest = Math.max(...shown.map(({ weight }) => Math.abs(weight)), 1e-12);
  const perLayer = new Map<number, number>();
  for (const { layer } of detector.neurons) perLayer.set(layer, (perLayer.get(layer) ?? 0) + 1);
  const [fullest, most] = [...perLayer].sort((a, b) => b[1] - a[1])[0] ?? [0, 0];
  return responsiveFigure(
    {
      id: 'map',
      title: 'Where the neurons sit',
      caption:
        'Each dot is a neuron of the detector: its layer (layer 0 reads the input first) and its place in the layer. ' +
        'Bigger dots weigh more. The number at the right counts the neurons of a layer.' +
        (shown.length < detector.neurons.length
          ? ` The strongest ${formatCount(MOST_MARKS)} are drawn.`
          : ''),
      alt: `Map of ${detector.neurons.length} neurons over ${model.layers} layers. Layer ${fullest} has most of them, ${most}.`,
      keys: SIGN_KEYS,
    },
    (_, narrow) => ({
      height: Math.max(200, model.layers * (narrow ? 12 : 14) + 60),
      marginLeft: 36,
      marginRight: 34,
      marginBottom: 38,
      style: { fontSize: '12px' },
      x: {
        domain: [0, model.ffn],
        label: 'index in the layer',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 4 : 8,
      },
      y: {
        domain: [-0.7, model.layers - 0.3],
        label: 'layer',
        labelArrow: 'none',
        tickFormat: (layer) => (Number.isInteger(layer) ? String(layer) : ''),
        ticks: Math.min(model.layers, 12),
      },
      r: {
        type: 'sqrt',
        domain: [0, strongest],
        range: [1.5, Math.max(3, Math.min(narrow ? 5.5 : 8, 70 / Math.sqrt(shown.length)))],
      },
      marks: [
        Plot.ruleY(
          Array.from({ length: model.layers }, (_, layer) => layer),
          { stroke: COLOUR.faint },
        ),
        ...signs(shown).map(([colour, neurons]) =>
          Plot.dot(neurons, {
            x: 'index',
            y: 'layer',
            r: (neuron: Neuron) => Math.abs(neuron.weight),
            fill: colour,
            fillOpacity: 0.8,
            stroke: COLOUR.paper,
            strokeWidth: 0.7,
            ...(neurons.length <= 300 && { title: describe }),
          }),
        ),
        Plot.text([...perLayer], {
          x: model.ffn,
          y: '0',
          text: ([, count]: [number, number]) => String(count),
          dx: 8,
          textAnchor: 'start',
          fill: COLOUR.ink,
        }),
      ],
    }),
  );
}

/** Weights, from the strongest towards hallucination to the strongest towards faithfulness. */
export function weightBars({ detector }: Report): Markup {
  const most = 200;
  const shown = byStrength(detector.neurons)
    .slice(0, most)
    .sort((a, b) => b.weight - a.weight)
    .map((neuron, rank) => ({ ...neuron, rank }));
  const [top, last] = [shown[0], shown[shown.length - 1]];
  return responsiveFigure(
    {
      id: 'weights',
      title: 'How much each neuron weighs',
      caption:
        'One bar a neuron, sorted. Upwards: the more the neuron contributes, the more likely the answer is made up; ' +
        'downwards: the less likely.' +
        (shown.length < detector.neurons.length ? ` The strongest ${most} are drawn.` : ''),
      alt: top
        ? `Bars of ${shown.length} weights, from ${describe(top)}, down to ${describe(last)}.`
        : 'No neuron was selected.',
      keys: SIGN_KEYS,
    },
    (_, narrow) => ({
      height: narrow ? 180 : 220,
      marginLeft: 40,
      marginBottom: 12,
      style: { fontSize: '12px' },
      x: {
        type: 'band',
        axis: null,
        padding: shown.length > 80 ? 0 : 0.25,
        domain: Array.from({ length: Math.max(FEWEST_BARS, shown.length) }, (_, rank) => rank),
      },
      y: { label: 'weight', labelArrow: 'none', ticks: 5, grid: true },
      marks: [
        ...signs(shown).map(([colour, neurons]) =>
          Plot.barY(neurons, { x: 'rank', y: 'weight', fill: colour, title: describe }),
        ),
        Plot.ruleY([0]),
      ],
    }),
  );
}

function signs<T extends Neuron>(neurons: T[]): [string, T[]][] {
  const groups: [string, T[]][] = [
    [COLOUR.faithful, neurons.filter(({ weight }) => weight < 0)],
    [COLOUR.hallucinated, neurons.filter(({ weight }) => weight > 0)],
  ];
  return groups.filter(([, members]) => members.length > 0);
}

/** CETT of the strongest neurons, faithful against hallucinated: small histograms over a common range each. */
export function cettHistograms({ cett }: Report): Markup {
  const plots = cett.map((neuron) => {
    const bins = neuron.faithful.shares.length;
    const width = (neuron.high - neuron.low) / bins;
    const steps = (shares: number[]) =>
      [...shares, shares[bins - 1]].map((share, i) => ({ value: neuron.low + i * width, share }));
    const [faithful, hallucinated] = [neuron.faithful.quantiles[2], neuron.hallucinated.quantiles[2]];
    const alt =
      `CETT of ${neuronName(neuron)}: median ${faithful.toPrecision(2)} in faithful answers, ` +
      `${hallucinated.toPrecision(2)} in hallucinated ones.`;
    return html`<div><h4>${neuronName(neuron)} <span>weight ${formatWeight(neuron.weight)}</span></h4>${draw(
      alt,
      {
        width: 200,
        height: 104,
        marginLeft: 6,
        marginRight: 10,
        marginTop: 6,
        marginBottom: 24,
        style: { fontSize: '11.5px' },
        x: { label: null, ticks: 3 },
        y: { axis: null },
        marks: [
          Plot.areaY(steps(neuron.faithful.shares), {
            x: 'value',
            y: 'share',
            fill: COLOUR.faithful,
            fillOpacity: 0.3,
            curve: 'step-after',
          }),
          Plot.lineY(steps(neuron.faithful.shares), {
            x: 'value',
            y: 'share',
            stroke: COLOUR.faithful,
            curve: 'step-after',
          }),
          Plot.lineY(steps(neuron.hallucinated.shares), {
            x: 'value',
            y: 'share',
            stroke: COLOUR.hallucinated,
            strokeWidth: 2,
            curve: 'step-after',
          }),
          Plot.ruleX([faithful], { stroke: COLOUR.faithful, strokeDasharray: '3 3', strokeWidth: 1.5 }),
          Plot.ruleX([hallucinated], {
            stroke: COLOUR.hallucinated,
            strokeDasharray: '3 3',
            strokeWidth: 1.5,
          }),
          Plot.ruleY([0]),
        ],
      },
    )}</div>`;
  });
  return frame(
    {
      id: 'cett',
      title: 'What the strongest neurons do',
      caption:
        'How much each neuron contributes to its layer while the model writes the answer (CETT, a share of the layer’s ' +
        'output), and how often. Dashed lines are medians. The further apart the two shapes, the more the neuron tells; ' +
        'most single neurons tell little.',
      alt: '',
      keys: [
        ['area faithful', 'faithful answers'],
        ['line hallucinated', 'hallucinated answers'],
      ],
    },
    plots.length > 0 ? html`<div class="multiples">${plots}</div>` : html`<p>No neuron was selected.</p>`,
  );
}

/** All figures in one table row each, for reading off exact numbers. */
export function neuronTable({ detector }: Report): Markup {
  const shown = byStrength(detector.neurons).slice(0, MOST_MARKS);
  const rest = detector.neurons.length - shown.length;
  return html`<details><summary>All neurons as a table</summary>
<div class="columns" role="region" aria-label="All neurons" tabindex="0"><table><thead><tr><th scope="col" class="number">layer</th><th scope="col" class="number">index</th><th scope="col" class="number">weight</th></tr></thead>
<tbody>${shown.map(
    ({ layer, index, weight }) =>
      html`<tr><td class="number">${layer}</td><td class="number">${index}</td><td class="number">${formatWeight(weight)}</td></tr>`,
  )}</tbody></table></div>
${rest > 0 && html`<p>${formatCount(rest)} weaker ones are in the detector file.</p>`}</details>`;
}
