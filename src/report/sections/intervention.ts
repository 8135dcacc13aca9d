import type { Interval } from '../../stats/interval.js';
import { complianceCurve, likelihoodCurve } from '../figures/compliance.js';
import {
  formatChange,
  formatCount,
  formatFixed,
  formatP,
  formatPercent,
  formatPercentRange,
} from '../format.js';
import type { ComplianceBenchmark, Intervention } from '../intervention/schema.js';
import { html, type Markup } from '../markup.js';
import { stackedTable } from '../stacked-table.js';

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
  const caption = html`${name}: ${formatCount(items)} items${twins > 0 && `, ${formatCount(twins)} twins`}, judged by ${judge}${failed > 0 && `; ${formatCount(failed)} left out without a verdict`}`;
  const heads = ['alpha', 'complies', 'says neither', 'twins right', 'unreadable', 'tokens'];
  const rows = own.points.map(({ alpha, complianceRate, neither, twins: right, degenerate, meanTokens }) => [
    String(alpha),
    withRange(complianceRate),
    formatPercent(neither),
    right ? formatPercent(right.estimate) : '–',
    formatPercent(degenerate),
    formatFixed(meanTokens, 1),
  ]);
  return html`${stackedTable({ caption, heads, rows })}
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
  return stackedTable({
    caption: 'What it costs, with the H-Neurons scaled',
    heads: [
      'alpha',
      ...names.map((name) => `${name}: right`),
      'log-likelihood a token',
      'unreadable prose',
      'runs of words that are new',
    ],
    rows: own.points.map(({ alpha, score, logLikelihood, degenerate, distinct }) => [
      String(alpha),
      ...names.map((name) => withRange(score[name])),
      formatFixed(logLikelihood.estimate, 2),
      formatPercent(degenerate.estimate),
      formatPercent(distinct.estimate),
    ]),
  });
}

function legibilityTable({ suppressed }: NonNullable<Intervention['legibility']>): Markup {
  const signed = (value: number) => formatChange(value, 2);
  const table = stackedTable({
    heads: ['Neurons', 'Log-likelihood a token', 'New runs of words', 'Unreadable prose'],
    rows: suppressed.map(({ set, logLikelihood, distinct, degenerate }) => [
      set,
      html`${signed(logLikelihood.estimate)} <small>${signed(logLikelihood.low)} to ${signed(logLikelihood.high)}</small>`,
      signed(distinct.estimate),
      signed(degenerate),
    ]),
  });
  return html`<details><summary>Switched off: likelihood of plain English and unreadable prose, beside the controls</summary>${table}</details>`;
}

const withRange = (share: Interval): Markup =>
  html`${formatPercent(share.estimate)} <small>${formatPercentRange(share)}</small>`;
