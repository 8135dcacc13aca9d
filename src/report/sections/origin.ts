import { emergenceCurve, emergenceNotes, inertiaCurve } from '../figures/emergence.js';
import { driftByLayer, inertiaDots, rankHistogram } from '../figures/origin.js';
import { formatCount, formatFixed, formatP, formatRange, formatShare } from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Origin, OriginDrift, Transfer, TransferCell } from '../origin/schema.js';
import { stackedTable } from '../stacked-table.js';
import type { TableRow } from '../table/schema.js';

/** Where the neurons come from: transfer to the base model and drift between the two. */
export function origin(found: Origin | undefined): Markup {
  if (!found) return html``;
  const { base, instruct, differences, drift, driftNote, transfer, transferNote, emergence, paper } = found;
  // In a series the notes of every checkpoint stand below its figures.
  const note = (text: string | null) =>
    emergence === null && text !== null && html`<p class="note">${text}</p>`;
  return html`<section id="origin"><h2>Where they come from</h2>
<p>${found.summary}</p>
<p class="note">Base model: ${base.name} (${base.quantisation}, ${base.format}). After training: ${instruct.name} (${instruct.quantisation}, ${instruct.format}).${
    differences.length > 0 && ` They also differ in this: ${differences.join('; ')}.`
  }</p>
${transfer ? transferTable(transfer) : html``}
${note(transferNote)}
${found.datasets ? datasetTable(found.datasets) : html``}
${drift ? driftPart(drift) : html``}
${note(driftNote)}
${emergence ? html`${emergenceCurve(emergence)}${inertiaCurve(emergence)}${emergenceNotes(emergence)}` : html``}
${
  paper !== null &&
  html`<p class="note">Published for ${paper.model}: mean rank ${formatShare(paper.meanRank)}; AUROC on the base model ${Object.entries(
    paper.auroc,
  )
    .map(([name, value]) => `${name} ${formatShare(value)}`)
    .join(', ')}.</p>`
}
</section>`;
}

function transferTable({ toBase, toInstruct }: Transfer): Markup {
  const row = (where: string, who: string, cell: TransferCell) => {
    const control = (kind: 'random' | 'layerMatched') =>
      cell[kind] ? `${formatShare(cell[kind].auroc.mean)} (${formatRange(cell[kind].auroc)})` : '–';
    const auroc = html`${formatShare(cell.auroc.estimate)} <small>${formatRange(cell.auroc)}</small>`;
    return [where, who, auroc, control('random'), control('layerMatched')];
  };
  const answers = ({ faithful, hallucinated }: { faithful: number; hallucinated: number }) =>
    `${formatCount(faithful + hallucinated)} answers`;
  return stackedTable({
    caption: 'AUROC on held-out answers; in brackets 95 % intervals, for random sets their range',
    heads: ['Whose answers', 'Detector', 'AUROC', 'Random neurons', '… of the same layers'],
    rows: [
      row(`base model (${answers(toBase.answers)})`, 'of the instruct model', toBase.moved),
      row('base model', 'its own (ceiling)', toBase.native),
      row(`instruct model (${answers(toInstruct.answers)})`, 'of the base model', toInstruct.moved),
      row('instruct model', 'its own (ceiling)', toInstruct.native),
    ],
  });
}

function datasetTable({ moved, native }: NonNullable<Origin['datasets']>): Markup {
  const cell = (figures: TableRow['figures'] | undefined) =>
    figures ? html`${formatShare(figures.auroc.estimate)} <small>${formatRange(figures.auroc)}</small>` : '–';
  const mean = (control: { auroc: { mean: number } } | null | undefined) =>
    control ? formatShare(control.auroc.mean) : '–';
  return stackedTable({
    caption: "AUROC on the base model's answers to other data sets",
    heads: [
      'Data set',
      'Right and made up',
      'Detector of the instruct model',
      'Random neurons',
      '… of the same layers',
      'Its own detector',
    ],
    rows: moved.rows.map((row) => {
      const own = native.rows.find(({ name }) => name === row.name)?.figures;
      const { figures, note, faithful, hallucinated } = row;
      return [
        row.name,
        note ?? `${formatCount(faithful)} and ${formatCount(hallucinated)}`,
        cell(figures),
        mean(figures?.random),
        mean(figures?.layerMatched),
        cell(own),
      ];
    }),
  });
}

function driftPart(drift: OriginDrift): Markup {
  const { inertia, parts } = drift;
  const small = (value: number | null) =>
    value === null ? 'not known' : value === 0 ? 'none' : value.toPrecision(2);
  const table = stackedTable({
    caption: 'Drift (1 − cosine) of each kind of weights, and how much of it rounding alone can make',
    heads: [
      'Weights',
      'Median, all',
      'Median, H-Neurons',
      'Rounding in the base file',
      'Rounding in the other',
    ],
    rows: parts.map(({ part, median, hNeurons, noise, drowned }) => [
      part,
      `${small(median)}${drowned === true ? ' (mostly rounding)' : ''}`,
      small(hNeurons),
      small(noise.base),
      small(noise.instruct),
    ]),
  });
  return html`${rankHistogram(drift)}
${driftByLayer(drift)}
${inertiaDots(drift)}
${table}
<p class="note">One-sided tests that H-Neurons moved less: Welch ${formatP(inertia.welch.p)}, Mann-Whitney ${formatP(inertia.mannWhitney.p)}, against random sets of the same layers ${formatP(inertia.layerMatched.p)}; with the size of the weights allowed for ${formatP(drift.withoutNorms.layerMatched.p)}. Effect size d ${formatFixed(inertia.effect.d, 2)}.</p>`;
}
