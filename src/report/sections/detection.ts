import { controlDots, relationForest, reliability, rocCurve } from '../figures/detection.js';
import { formatPercent, formatPercentRange, formatRange, formatShare } from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Report } from '../schema.js';
import { baselineTable } from './further.js';

/** How well the detector does on the test half. */
export function detection(report: Report): Markup {
  return html`<section id="detection"><h2>Does it detect?</h2>
<p>All figures are from the test half: other questions than those that the neurons were chosen on.</p>
${controlDots(report)}
${baselineTable(report)}
<div class="pair">${rocCurve(report)}${reliability(report)}</div>
${report.test.relations.some(({ auroc }) => auroc) && relationForest(report)}
${relationTable(report)}
</section>`;
}

function relationTable({ test }: Report): Markup {
  return html`<table><thead><tr><th scope="col">kind</th><th scope="col" class="number">right / made up</th><th scope="col" class="number">AUROC</th><th scope="col" class="number">accuracy</th></tr></thead>
<tbody>${test.relations.map(
    (
      row,
    ) => html`<tr${row.small && html` class="small"`}><th scope="row">${row.relation}${row.small && html` <span class="tag">few</span>`}</th>
<td class="number">${row.faithful} / ${row.hallucinated}</td>
<td class="number">${row.auroc ? html`${formatShare(row.auroc.estimate)} <small>${formatRange(row.auroc)}</small>` : '–'}</td>
<td class="number">${formatPercent(row.accuracy.estimate)} <small>${formatPercentRange(row.accuracy)}</small></td></tr>`,
  )}
<tr><th scope="row">all</th><td class="number">${test.faithful} / ${test.hallucinated}</td>
<td class="number"><strong>${formatShare(test.auroc.estimate)}</strong> <small>${formatRange(test.auroc)}</small></td>
<td class="number"><strong>${formatPercent(test.accuracy.estimate)}</strong> <small>${formatPercentRange(test.accuracy)}</small></td></tr></tbody></table>`;
}
