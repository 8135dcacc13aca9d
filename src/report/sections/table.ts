import { measuredRows, tableDots, tableReliability } from '../figures/table.js';
import {
  formatCount,
  formatFixed,
  formatPercent,
  formatPercentRange,
  formatPoints,
  formatPointsRange,
  formatRange,
  formatShare,
  formatSigned,
  formatSignedRange,
} from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Report } from '../schema.js';
import type { Table, TableControl, TableRow } from '../table/schema.js';

type Figures = NonNullable<TableRow['figures']>;

/** The detector on data sets that it was not trained on; nothing where they were not asked. */
export function otherSets({ table }: Report): Markup | undefined {
  if (!table) return undefined;
  const measured = measuredRows(table).length > 0;
  return html`<section id="table" class="sets"><h2>On other data sets</h2>
<p class="lead">${table.summary}</p>
<p>One sample a question, as many right as made-up answers within each kind of question, and only questions that the detector was not trained on. ${table.paper ? `The paper's figures are those of ${table.paper.model}.` : ''}</p>
${table.notes.length > 0 && html`<ul class="note">${table.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
${measured && tableDots(table)}
${aurocs(table)}
${accuracies(table)}
${measured && tableReliability(table)}
${asked(table)}
</section>`;
}

function aurocs({ rows }: Table): Markup {
  const heads = [
    'H-Neurons',
    'random neurons',
    'difference',
    'same layers',
    'difference',
    'log-probability',
    'difference',
  ];
  return html`<h3>AUROC</h3><p class="note">Differences are those of the unrounded figures.</p><table class="stack"><thead><tr><th scope="col">data set</th>${heads.map(numberHead)}</tr></thead>
<tbody>${rows.map((row) =>
    line(row, heads.length, (figures) =>
      [
        share(figures.auroc),
        controlShare(figures.random),
        figures.random ? difference(figures.random.difference.auroc) : '–',
        controlShare(figures.layerMatched),
        figures.layerMatched ? difference(figures.layerMatched.difference.auroc) : '–',
        share(figures.logProbability.auroc),
        difference(figures.logProbability.difference),
      ].map((cell, i) => numberCell(heads[i], cell)),
    ),
  )}</tbody></table>`;
}

function accuracies({ rows, paper }: Table): Markup {
  const heads = ['accuracy', 'random neurons', 'difference', 'same layers', 'AUPRC', 'ECE'];
  const all = paper ? [...heads, 'paper (random)'] : heads;
  return html`<h3>Accuracy, precision and calibration</h3><table class="stack"><thead><tr><th scope="col">data set</th>${all.map(numberHead)}</tr></thead>
<tbody>${rows.map((row) =>
    line(row, all.length, (figures) =>
      [
        percent(figures.accuracy),
        controlPercent(figures.random),
        figures.random ? points(figures.random.difference.accuracy) : '–',
        controlPercent(figures.layerMatched),
        share(figures.auprc),
        formatShare(figures.calibration.ece),
        ...(paper
          ? [row.paper ? `${formatFixed(row.paper.accuracy, 1)} (${formatFixed(row.paper.random, 1)})` : '–']
          : []),
      ].map((cell, i) => numberCell(all[i], cell)),
    ),
  )}</tbody></table>`;
}

function asked({ rows }: Table): Markup {
  const heads = [
    'questions',
    'trained on, left out',
    'asked',
    'right',
    'wrong',
    'invented',
    'refused',
    'no answer',
    'not judged',
    'not readable',
  ];
  return html`<details><summary>What was asked</summary><table class="stack"><thead><tr><th scope="col">data set</th>${heads.map(numberHead)}</tr></thead>
<tbody>${rows.map(
    ({ name, source, counts }) =>
      html`<tr><th scope="row">${name} <small>${source}</small></th>${[
        counts.total,
        counts.trained,
        counts.asked,
        counts.correct,
        counts.wrong,
        counts.invented,
        counts.refused,
        counts.uncertain,
        counts.failed,
        counts.unreadable,
      ].map((value, i) => numberCell(heads[i], formatCount(value)))}</tr>`,
  )}</tbody></table></details>`;
}

function line(row: TableRow, width: number, cells: (figures: Figures) => Markup[]): Markup {
  const head = html`<th scope="row">${row.name} <small>${row.faithful} + ${row.hallucinated}</small></th>`;
  return row.figures
    ? html`<tr>${head}${cells(row.figures)}</tr>`
    : html`<tr class="small">${head}<td colspan="${width}">${row.note ?? 'no figures'}</td></tr>`;
}

const numberHead = (text: string) => html`<th scope="col" class="number">${text}</th>`;

const numberCell = (label: string, cell: Markup | string) =>
  html`<td class="number" data-label="${label}">${cell}</td>`;

const share = (interval: Figures['auroc']) =>
  html`${formatShare(interval.estimate)} <small>${formatRange(interval)}</small>`;

const percent = (interval: Figures['auroc']) =>
  html`${formatPercent(interval.estimate)} <small>${formatPercentRange(interval)}</small>`;

const difference = (interval: Figures['auroc']) =>
  html`${formatSigned(interval.estimate)} <small>${formatSignedRange(interval)}</small>`;

const points = (interval: Figures['auroc']) =>
  html`${formatPoints(interval.estimate)} <small>${formatPointsRange(interval)}</small>`;

const controlShare = (control: TableControl | null) =>
  control ? html`${formatShare(control.auroc.mean)} <small>${formatRange(control.auroc)}</small>` : '–';

const controlPercent = (control: TableControl | null) =>
  control
    ? html`${formatPercent(control.accuracy.mean)} <small>${formatPercentRange(control.accuracy)}</small>`
    : '–';
