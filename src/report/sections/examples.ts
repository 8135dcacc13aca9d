import { formatPercent } from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Report } from '../schema.js';

type Example = Report['examples'][number];

const STEPS = ['0–20 %', '20–40', '40–60', '60–80', '80–100 %'];

const riskClass = (risk: number) => `r${Math.min(STEPS.length - 1, Math.floor(risk * STEPS.length))}`;

/** Answers of the model with their tokens coloured by risk. */
export function examples({ examples }: Report): Markup {
  return html`<section id="examples"><h2>Examples</h2>
${
  examples.length === 0
    ? html`<p>There are no example answers in this run.</p>`
    : html`<p>Answers of the model from the test half. The colour of a token is the risk that the detector sees there; underlined is the answer itself, which the risk of the whole is about.</p>
<div class="scale"><span>Risk</span><span class="steps">${STEPS.map((text, i) => html`<span class="r${i}">${text}</span>`)}</span></div>
<div class="examples">${examples.map(card)}</div>`
}</section>`;
}

function card(example: Example): Markup {
  const wrong = example.label === 'hallucinated';
  const riskiest = [...example.tokens]
    .filter(({ text }) => text.trim() !== '')
    .sort((a, b) => b.risk - a.risk)
    .slice(0, 3);
  return html`<article class="example"><h3><bdi>${example.question}</bdi></h3>
<p class="tokens" dir="auto">${
    example.tokens.length === 0
      ? html`<em>(empty answer)</em>`
      : example.tokens.map(
          ({ text, risk, answer }) =>
            html`<span class="${riskClass(risk)}${answer && ' answer'}" title="risk ${formatPercent(risk)}">${text}</span>`,
        )
  }</p>
<p><span class="fate ${example.label}">${wrong ? 'Made up' : 'Right'}</span>, detector says risk <strong>${formatPercent(example.probability)}</strong>.${
    wrong && html` Accepted: <bdi>${example.accepted.slice(0, 3).join(' / ')}</bdi>.`
  }</p>
${riskiest.length > 0 && html`<p>Riskiest: ${riskiest.map(({ text, risk }, i) => html`${i > 0 && ', '}<bdi>“${text.trim()}”</bdi> ${formatPercent(risk)}`)}</p>`}
</article>`;
}
