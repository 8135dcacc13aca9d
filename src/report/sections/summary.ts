import {
  capital,
  formatCount,
  formatP,
  formatPercent,
  formatPercentRange,
  formatPermille,
  formatRange,
  formatShare,
} from '../format.js';
import { html, type Markup } from '../markup.js';
import { plainWords } from '../plain-words.js';
import type { Report } from '../schema.js';

/** The verdict, what it rests on, and what it means: the first screen of the page. */
export function summary(report: Report): Markup {
  const { verdict, model, run, warnings } = report;
  return html`<header class="${verdict.outcome}">
<p class="eyebrow">Hallucination neurons of ${model.name} · ${formatDate(run.created)}</p>
<h1>${verdict.headline}</h1>
<p class="lead">${plainWords(report)}</p>
<p class="note">${capital(verdict.details)}</p>
${verdict.beyond !== undefined && html`<p class="note" id="beyond">${verdict.beyond}</p>`}
${tiles(report)}
${
  warnings.length > 0 &&
  html`<section class="warnings" aria-label="Warnings"><strong>Mind this</strong><ul>${warnings.map((text) => html`<li>${text}</li>`)}</ul></section>`
}
<nav aria-label="Sections"><ul>
<li><a href="#detection">Does it detect?</a></li>${(report.question || report.pairs) && html`<li><a href="#hard-or-false">False or hard?</a></li>`}<li><a href="#neurons">The neurons</a></li>${report.stability && html`<li><a href="#stability">The same again?</a></li>`}${report.explain && html`<li><a href="#explain">What do they do?</a></li>`}<li><a href="#examples">Examples</a></li>${report.table && html`<li><a href="#table">Other data sets</a></li>`}${report.intervention && html`<li><a href="#intervention">Do they matter?</a></li>`}${report.origin && html`<li><a href="#origin">Where from?</a></li>`}<li><a href="#questions">Questions</a></li><li><a href="#run">What was run</a></li><li><a href="#glossary">Glossary</a></li>
</ul></nav>
</header>`;
}

function tiles({ test, detector, model }: Report): Markup {
  const { control } = test;
  const found = detector.neurons.filter(({ weight }) => weight > 0).length;
  const opposed = detector.neurons.length - found;
  const all = model.layers * model.ffn;
  return html`<dl class="tiles">
<div><dt>AUROC</dt><dd><div class="big">${formatShare(test.auroc.estimate)} <small>${formatRange(test.auroc)}</small></div>
<div class="what">Random neurons: ${formatShare(control.auroc.mean)} (${formatRange(control.auroc)}). 1 is perfect, .50 is guessing.</div></dd></div>
<div><dt>Accuracy</dt><dd><div class="big">${formatPercent(test.accuracy.estimate)} <small>${formatPercentRange(test.accuracy)}</small></div>
<div class="what">Random neurons: ${formatPercent(control.accuracy.mean)}. Of ${formatCount(test.faithful + test.hallucinated)} test answers, ${formatCount(test.hallucinated)} made up.</div></dd></div>
<div><dt>H-Neurons</dt><dd><div class="big">${formatCount(found)} <small>${formatPermille(found, all)}</small></div>
<div class="what">of ${formatCount(all)} neurons${opposed > 0 && `; ${formatCount(opposed)} more speak for a right answer`}.</div></dd></div>
<div><dt>By chance?</dt><dd><div class="big">${formatP(test.permutation.p)}</div>
<div class="what">How often shuffled labels do as well, in ${formatCount(test.permutation.permutations)} shuffles.</div></dd></div>
</dl>
<p class="note">Small figures beside the large ones are 95 % intervals: where the true figure plausibly lies, given this number of questions.</p>`;
}

function formatDate(created: string): string {
  return new Date(created).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
}
