import { complianceCurve, likelihoodCurve } from '../figures/compliance.js';
import { formatChange, formatCount, formatP, formatPercent, formatPercentRange } from '../format.js';
import type { ComplianceBenchmark, Intervention } from '../intervention/schema.js';
import { html, type Markup } from '../markup.js';

/** Whether the neurons matter: what turning them up and down does. */
export function intervention(found: Intervention | undefined): Markup {
  if (!found) return html``;
  const { benchmarks, sets, summary, legibility } = found;
  return html`<section id="intervention"><h2>Do they matter?</h2>
<p class="note">The activation of ${formatCount(found.detector.hNeurons)} H-Neurons is multiplied by alpha at every token: 0 switches them off, 1 leaves the model as it is. ${controlWords(sets)}</p>
${summary.map((line) => html`<p>${line}</p>`)}
${benchmarks.map((benchmark) => html`${complianceCurve(benchmark, sets)}${curveTable(benchmark)}`)}
${likelihoodCurve(found)}
${costTable(found)}
${legibility ? legibilityTable(legibility) : html``}
</section>`;
}

/** Which other neurons were turned, and how close the matched ones come: H-Neurons are often the most active of their layer. */
function controlWords(sets: Intervention['sets']): string {
  const matched = sets.filter(({ kind }) => kind === 'layer-matched').map(({ cettRatio }) => cettRatio);
  const kinds = [
    ...(sets.some(({ kind }) => kind === 'random') ? ['random ones'] : []),
    ...(matched.length > 0
      ? [
          `ones of the same layers and, as far as there are such neurons, the same activity (${formatPercentRange({ low: Math.min(...matched), high: Math.max(...matched) })} of the H-Neurons' CETT)`,
        ]
      : []),
  ];
  if (kinds.length === 0) return '';
  const controls = formatCount(sets.length - 1);
  return `${controls} control ${sets.length === 2 ? 'set' : 'sets'} of other neurons ${sets.length === 2 ? 'is' : 'are'} turned in the same way: ${kinds.join(', and ')}.`;
}

function curveTable({
  name,
  curves: [own],
  paired,
  items,
  twins,
  failed,
  judge,
}: ComplianceBenchmark): Markup {
  return html`<div class="scroll"><table><caption>${name}: ${formatCount(items)} items${twins > 0 && `, ${formatCount(twins)} twins`}, judged by ${judge}${failed > 0 && `; ${formatCount(failed)} left out without a verdict`}</caption>
<thead><tr><th scope="col">alpha</th><th scope="col">complies</th><th scope="col">says neither</th><th scope="col">twins right</th><th scope="col">unreadable</th><th scope="col">tokens</th></tr></thead>
<tbody>${own.points.map(
    ({ alpha, complianceRate, neither, twins: right, degenerate, meanTokens }) =>
      html`<tr><th scope="row">${alpha}</th><td>${formatPercent(complianceRate.estimate)} <small>${formatPercentRange(complianceRate)}</small></td><td>${formatPercent(neither)}</td><td>${right ? formatPercent(right.estimate) : '–'}</td><td>${formatPercent(degenerate)}</td><td>${meanTokens.toFixed(1)}</td></tr>`,
  )}</tbody></table></div>
${
  paired.length > 0 &&
  html`<p class="note">Item by item: ${paired
    .map(
      ({ from, to, gained, lost, p }) =>
        `from alpha ${from} to ${to}, ${formatCount(gained)} begin and ${formatCount(lost)} cease to comply (McNemar ${formatP(p)})`,
    )
    .join('; ')}.</p>`
}`;
}

function costTable({ cost: [own] }: Intervention): Markup {
  const names = Object.keys(own.points[0]?.score ?? {});
  return html`<div class="scroll"><table><caption>What it costs, with the H-Neurons scaled</caption>
<thead><tr><th scope="col">alpha</th>${names.map((name) => html`<th scope="col">${name}: right</th>`)}<th scope="col">log-likelihood a token</th><th scope="col">unreadable prose</th><th scope="col">runs of words that are new</th></tr></thead>
<tbody>${own.points.map(
    ({ alpha, score, logLikelihood, degenerate, distinct }) =>
      html`<tr><th scope="row">${alpha}</th>${names.map((name) => html`<td>${formatPercent(score[name].estimate)} <small>${formatPercentRange(score[name])}</small></td>`)}<td>${logLikelihood.estimate.toFixed(2)}</td><td>${formatPercent(degenerate.estimate)}</td><td>${formatPercent(distinct.estimate)}</td></tr>`,
  )}</tbody></table></div>`;
}

function legibilityTable({ suppressed }: NonNullable<Intervention['legibility']>): Markup {
  const signed = (value: number) => formatChange(value, 2);
  return html`<details><summary>Switched off: readability beside the controls</summary><div class="scroll"><table>
<thead><tr><th scope="col">Neurons</th><th scope="col">Log-likelihood a token</th><th scope="col">New runs of words</th><th scope="col">Unreadable prose</th></tr></thead>
<tbody>${suppressed.map(
    ({ set, logLikelihood, distinct, degenerate }) =>
      html`<tr><th scope="row">${set}</th><td>${signed(logLikelihood.estimate)} <small>${signed(logLikelihood.low)} to ${signed(logLikelihood.high)}</small></td><td>${signed(distinct.estimate)}</td><td>${signed(degenerate)}</td></tr>`,
  )}</tbody></table></div></details>`;
}
