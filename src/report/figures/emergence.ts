import * as Plot from '@observablehq/plot';
import { formatRange, formatShare } from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Origin } from '../origin/schema.js';
import { COLOUR, responsiveFigure } from './figure.js';
import { shortNames } from './short-names.js';

/** A series of training checkpoints, in their order. */
export type Emergence = NonNullable<Origin['emergence']>;

interface Value {
  step: number;
  checkpoint: string;
  estimate: number;
  low: number;
  high: number;
}

const title = ({ checkpoint, estimate, low, high }: Value) =>
  `${checkpoint}: ${formatShare(estimate)} (${formatRange({ low, high })})`;

/** AUROC along the series; nothing where no checkpoint was asked. */
export function emergenceCurve(points: Emergence): Markup {
  const of = (detector: 'moved' | 'native') =>
    points.flatMap(({ checkpoint, transfer }, step) =>
      transfer ? [{ checkpoint, step, detector, ...transfer.toBase[detector].auroc }] : [],
    );
  const [moved, native] = [of('moved'), of('native')];
  if (moved.length === 0) return html``;
  // The detector that is asked about lies on top.
  const shown = [...native, ...moved];
  const colour = (detector: string) => (detector === 'moved' ? COLOUR.hallucinated : COLOUR.ink);
  return responsiveFigure(
    {
      id: 'emergence',
      title: 'When the detector starts to work',
      caption: 'The same detector on checkpoints of the training, in their order; lines are 95 % intervals.',
      alt: moved.map(title).join(', '),
      keys: [
        ['dot hallucinated', 'the detector'],
        ['dot ink', "the checkpoint's own"],
        ['dash', 'guessing'],
      ],
    },
    (width) => ({
      ...layout(points, width),
      y: { label: 'AUROC', labelArrow: 'none', tickFormat: formatShare, grid: true },
      marks: [
        Plot.ruleY([0.5], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.line(shown, {
          x: 'step',
          y: 'estimate',
          z: 'detector',
          stroke: ({ detector }) => colour(detector),
        }),
        Plot.ruleX(shown, { x: 'step', y1: 'low', y2: 'high', stroke: ({ detector }) => colour(detector) }),
        Plot.dot(shown, { x: 'step', y: 'estimate', r: 5, fill: ({ detector }) => colour(detector), title }),
      ],
    }),
  );
}

/** How far the H-Neurons still have to move at each checkpoint, by rank; nothing where no drift was measured. */
export function inertiaCurve(points: Emergence): Markup {
  const shown = points.flatMap(({ checkpoint, drift }, step) =>
    drift ? [{ checkpoint, step, ...drift.inertia.meanRank }] : [],
  );
  if (shown.length === 0) return html``;
  return responsiveFigure(
    {
      id: 'emergence-drift',
      title: 'When the H-Neurons come to rest',
      caption:
        'All neurons are ranked by how far they moved from a checkpoint to the trained model: 0 moved most, 1 least. Dots are the ' +
        'mean rank of the H-Neurons, lines its 95 % interval.',
      alt: shown.map(title).join(', '),
      keys: [
        ['dot hallucinated', 'H-Neurons'],
        ['dash', 'like all others'],
      ],
    },
    (width) => ({
      ...layout(points, width),
      y: { domain: [0, 1], label: 'mean rank', labelArrow: 'none', tickFormat: formatShare, grid: true },
      marks: [
        Plot.ruleY([0.5], { stroke: COLOUR.ink, strokeDasharray: '4 4' }),
        Plot.line(shown, { x: 'step', y: 'estimate', stroke: COLOUR.hallucinated }),
        Plot.ruleX(shown, { x: 'step', y1: 'low', y2: 'high', stroke: COLOUR.hallucinated }),
        Plot.dot(shown, { x: 'step', y: 'estimate', r: 5, fill: COLOUR.hallucinated, title }),
      ],
    }),
  );
}

/** Why a checkpoint has no point in a figure; checkpoints with one reason stand together. */
export function emergenceNotes(points: Emergence): Markup {
  const checkpoints = new Map<string, string[]>();
  for (const { checkpoint, driftNote, transferNote } of points) {
    for (const note of new Set([driftNote, transferNote])) {
      if (note !== null) checkpoints.set(note, [...(checkpoints.get(note) ?? []), checkpoint]);
    }
  }
  return html`${[...checkpoints].map(([note, names]) => html`<p class="note">${names.join(', ')}: ${note}</p>`)}`;
}

/** Frame and horizontal axis: labels are slanted, and some left out, where they would run into each other. */
function layout(points: Emergence, width: number): Plot.PlotOptions {
  const labels = shortNames(points.map(({ checkpoint }) => checkpoint));
  const margin = 44;
  const room = (width - margin) / points.length;
  const longest = 7 * Math.max(...labels.map(({ length }) => length));
  const slanted = longest > room;
  const each = Math.max(1, Math.ceil(22 / room));
  const below = slanted ? 24 + Math.ceil(0.65 * longest) : 40;
  return {
    height: 220 + below,
    marginLeft: slanted ? Math.max(margin, Math.ceil(0.77 * longest - room / 2)) : margin,
    marginBottom: below,
    style: { fontSize: '12px' },
    x: {
      label: null,
      domain: [-0.3, points.length - 0.7],
      ticks: points.map((_, step) => step).filter((step) => step % each === 0),
      tickFormat: (step) => labels[step] ?? '',
      tickRotate: slanted ? -40 : 0,
    },
  };
}
