import { probeDots } from '../figures/probes.js';
import { overlapDots, selectionBars } from '../figures/stability.js';
import {
  formatCount,
  formatPercent,
  formatPercentRange,
  formatRange,
  formatShare,
  formatSigned,
  formatSignedRange,
} from '../format.js';
import { html, type Markup } from '../markup.js';
import { neuronName } from '../neuron.js';
import type { Report } from '../schema.js';

/** Rows of the table of substitutes. */
const MOST_SUBSTITUTED = 12;
const MOST_CLUSTERS = 8;

/** Does the detector see a false answer, or just a hard question? */
export function hardOrFalse(report: Report): Markup {
  const { question, pairs } = report;
  if (!question && !pairs) return html``;
  const absent = [question, pairs].flatMap((one) => (one && 'missing' in one ? [one.missing] : []));
  return html`<section id="hard-or-false"><h2>A false answer, or just a hard question?</h2>
<p>A detector could do well without looking at the answer at all, if it knew hard questions from easy ones.</p>
${hardOrFalseWords(report).map((sentence) => html`<p>${sentence}</p>`)}
${probeDots(report)}
${absent.map((reason) => html`<p class="note">Not tested: ${reason}.</p>`)}
</section>`;
}

/** What the two tests say, from their intervals. */
export function hardOrFalseWords({ question, pairs }: Report): string[] {
  const words: string[] = [];
  if (question && !('missing' in question)) {
    const { low, high } = question.difference.auroc;
    const [answer, alone] = [question.answer.auroc.estimate, question.question.auroc.estimate].map(
      formatShare,
    );
    words.push(
      low > 0
        ? `The answer’s tokens tell more than the question’s: AUROC ${answer} against ${alone}.`
        : `The tokens of the question alone tell ${high < 0 ? 'more than' : 'as much as'} those of the answer: AUROC ${alone} against ${answer}. On these questions a detector may know a hard question rather than a false answer.`,
    );
  }
  if (pairs && !('missing' in pairs)) {
    const { estimate, low, high } = pairs.detector;
    const share = `${formatPercent(estimate)} (95 % interval ${formatPercentRange({ low, high })})`;
    words.push(
      low > 0.5
        ? `Within one question the detector still tells something: the wrong answer scores higher than the right one in ${share} of the pairs.`
        : `Within one question the detector tells nothing that can be seen: the wrong answer scores higher than the right one in ${share} of the pairs.`,
    );
  }
  return words;
}

/** How far the choice of neurons depends on the questions at hand. */
export function stability(report: Report): Markup {
  const found = report.stability;
  if (!found) return html``;
  const { clusters, substitutes } = found;
  const named = substitutes.filter(({ substitutes: list }) => list.length > 0).slice(0, MOST_SUBSTITUTED);
  return html`<section id="stability"><h2>The same neurons again?</h2>
<p>The same training, on ${formatCount(found.resamples)} resamples of the training questions (drawn with replacement) and on ${formatCount(found.splits)} other divisions of all questions into halves, as another seed would make them, at C = ${found.C}.</p>
${overlapDots(report)}
${selectionBars(report)}
<h3>Which neurons stand in for each other</h3>
${
  clusters.length === 0
    ? html`<p>No two of the neurons that were ever chosen are correlated by .8 or more.</p>`
    : html`<p>Of the neurons that were ever chosen, these go together (correlation of .8 or more over the training answers, directly or over others): training may take one or another.</p>
<ul>${clusters.slice(0, MOST_CLUSTERS).map((group) => html`<li>${group.slice(0, 12).map(neuronName).join(', ')}${group.length > 12 && ` and ${group.length - 12} more`}</li>`)}</ul>
${clusters.length > MOST_CLUSTERS && html`<p class="note">${clusters.length - MOST_CLUSTERS} smaller groups are in stability.json.</p>`}`
}
${
  named.length > 0 &&
  html`<details><summary>For each H-Neuron, what is most like it outside of the detector</summary>
<table><thead><tr><th scope="col">H-Neuron</th><th scope="col">most correlated neurons outside of the detector</th></tr></thead>
<tbody>${named.map(
    (neuron) =>
      html`<tr><th scope="row">${neuronName(neuron)}</th><td>${neuron.substitutes.map(({ r, ...other }) => `${neuronName(other)} (${r < 0 ? '−' : ''}${formatShare(Math.abs(r))})`).join(', ')}</td></tr>`,
  )}</tbody></table></details>`
}
</section>`;
}

/** Every baseline with its figures and the paired difference. */
export function baselineTable({ test }: Report): Markup {
  const rows = test.baselines.filter(({ difference }) => difference !== undefined);
  if (rows.length === 0) return html``;
  return html`<details><summary>All baselines as a table</summary>
<p class="note">Differences are those of the unrounded figures.</p>
<table class="stack"><thead><tr><th scope="col">baseline</th><th scope="col" class="number">AUROC</th><th scope="col" class="number">accuracy</th><th scope="col" class="number">detector minus baseline, AUROC</th></tr></thead>
<tbody>${rows.map(
    ({ name, description, auroc, accuracy, difference }) =>
      html`<tr><th scope="row">${name} <small>${description}</small></th>
<td class="number" data-label="AUROC">${formatShare(auroc.estimate)} <small>${formatRange(auroc)}</small></td>
<td class="number" data-label="accuracy">${accuracy ? formatPercent(accuracy.estimate) : '–'}</td>
<td class="number" data-label="difference">${formatSigned(difference!.auroc.estimate)} <small>${formatSignedRange(difference!.auroc)}</small></td></tr>`,
  )}</tbody></table></details>`;
}
