import { complying } from '../explain/complying.js';
import type { Card, Context, Explain, TokenEffectText } from '../explain/schema.js';
import { MIXED, standsOut } from '../explain/summary.js';
import {
  formatCount,
  formatFixed,
  formatP,
  formatPercent,
  formatPoints,
  formatPointsRange,
} from '../format.js';
import { html, type Markup } from '../markup.js';
import { formatWeight, neuronName } from '../neuron.js';

/** Cards that are shown at once; the others are in a part that opens. */
const OPEN = 6;
const TOKENS = 10;
const MOST = 4;
const LEAST = 2;

/** What single H-Neurons do: a card for each. */
export function explainSection(found: Explain | undefined): Markup {
  if (!found) return html``;
  const { cards, lens, benchmark, detector, answers } = found;
  const rest = cards.slice(OPEN);
  return html`<section id="explain"><h2>What do they do?</h2>
<p>${found.summary}</p>
<p class="note">Tokens: what the neuron's column of W_down does to the logits on the direct path, through the final norm and ${lens.tied ? 'the embedding, which this model also uses for its output' : 'the output matrix'}, for the sign that its activation mostly has on answers. In brackets, how many standard deviations a token lies from the rest of the vocabulary; the largest of ${formatCount(lens.vocabulary)} random numbers stays below ${formatFixed(lens.chance, 1)} in 99 of 100 cases.
Contexts: the token of question or response at which it is most active is marked, among ${formatCount(answers.read)} answers. Mean CETT is of the ${formatCount(answers.faithful + answers.hallucinated)} unseen answers, with 95 % intervals.${
    benchmark !== null &&
    ` Switched off alone: each neuron by itself at alpha 0, on items of ${benchmark.name}, and item by item beside the model as it is.`
  }</p>
<div class="examples">${cards.slice(0, OPEN).map((card) => renderCard(card, found))}</div>
${
  rest.length > 0 &&
  html`<details><summary>${formatCount(rest.length)} more cards</summary><div class="examples">${rest.map((card) => renderCard(card, found))}</div></details>`
}
${cards.length < detector.hNeurons && html`<p class="note">Of ${formatCount(detector.hNeurons)} H-Neurons; explain.json has every card that was made.</p>`}
</section>`;
}

function renderCard(card: Card, { lens, resamples }: Explain): Markup {
  const { cett, selected, alone } = card;
  const chance = (tokens: TokenEffectText[]) =>
    !standsOut(tokens, lens.chance) && html` <span class="tag">no more than chance</span>`;
  return html`<article class="example card"><h3>${neuronName(card)} <small>${card.weight === 0 ? 'not in the detector' : `weight ${formatWeight(card.weight)}`}</small></h3>
<dl>
<dt>Promotes${chance(card.promotes)}</dt><dd>${tokenList(card.promotes)}</dd>
<dt>Suppresses${chance(card.suppresses)}</dt><dd>${tokenList(card.suppresses)}</dd>
<dt>Most active</dt>${card.most.slice(0, MOST).map((context) => quote(context, card))}
<dt>Least active</dt>${card.least.slice(0, LEAST).map((context) => quote(context, card))}
<dt>Mean CETT</dt><dd><span class="fate faithful">right ${meanText(cett.faithful)}</span>, <span class="fate hallucinated">made up ${meanText(cett.hallucinated)}</span>, other tokens ${meanText(cett.other)}</dd>
${
  card.agreement < MIXED &&
  html`<dt>Sign</dt><dd>It changes: ${formatPercent(card.agreement)} of its activity on answers has the sign of these lists; with the other sign they change places.</dd>`
}
${
  selected !== null &&
  resamples !== null &&
  html`<dt>Chosen again</dt><dd>as an H-Neuron in ${formatPercent(selected.positive)} of ${resamples} resamples</dd>`
}
${alone !== null && html`<dt>Switched off alone</dt><dd>${aloneText(alone)}</dd>`}
</dl></article>`;
}

function aloneText(alone: NonNullable<Card['alone']>): string {
  const { items, change, p, gained, lost } = alone;
  const { off, asItIs } = complying(alone);
  return (
    `complies on ${off} of ${items} items, as it is on ${asItIs} (${gained} begin, ${lost} cease): ` +
    `${formatPoints(change.estimate)} points (${formatPointsRange(change)}), ${formatP(p)}`
  );
}

function tokenList(tokens: TokenEffectText[]): Markup {
  return html`${tokens
    .slice(0, TOKENS)
    .map(
      ({ text, logit, deviations }) =>
        html`<code title="${logit.toPrecision(3)} logits for one unit of activation"><bdi>${text}</bdi></code> <small>(${formatFixed(deviations, 1)})</small> `,
    )}`;
}

function quote({ before, marked, after, cett, label, positive }: Context, { direction }: Card): Markup {
  return html`<dd><bdi>${before}<mark>${marked}</mark>${after}</bdi> <small>${cett.toPrecision(2)}, <span class="fate ${label}">${label === 'faithful' ? 'right' : 'made up'}</span>${positive !== direction > 0 && ', other sign'}</small></dd>`;
}

function meanText(interval: Card['cett']['other']): string {
  if (!interval) return '–';
  const [estimate, low, high] = [interval.estimate, interval.low, interval.high].map((value) =>
    value.toPrecision(2),
  );
  return `${estimate} (${low}–${high})`;
}
