import { FATES, questionBars } from '../figures/questions.js';
import { formatCount, formatPercent, formatSeconds } from '../format.js';
import { html, type Markup } from '../markup.js';
import type { Report } from '../schema.js';

/** What became of the questions. */
export function questions(report: Report): Markup {
  const { counts, total, source } = report.questions;
  const sum = (split: string, key: 'kept' | (typeof FATES)[number][0]) =>
    counts.reduce((all, row) => all + (row.split === split ? row[key] : 0), 0);
  const row = (key: 'kept' | (typeof FATES)[number][0], text: string) =>
    html`<tr><th scope="row">${text}</th><td class="number">${formatCount(sum('train', key))}</td><td class="number">${formatCount(sum('test', key))}</td></tr>`;
  return html`<section id="questions"><h2>The questions</h2>
<p>From a set of ${formatCount(total)} questions (${source}). Each was asked several times; an answer counts as right when it contains an accepted answer.</p>
${questionBars(report)}
<table><thead><tr><th scope="col">question was</th><th scope="col" class="number">training</th><th scope="col" class="number">test</th></tr></thead>
<tbody>${FATES.map(([fate, text]) => row(fate, text))}${row('kept', 'used, of each class')}</tbody></table>
<details><summary>By kind of question</summary>
<table class="stack"><thead><tr><th scope="col">kind</th>${FATES.map(([, text]) => html`<th scope="col" class="number">${text}</th>`)}<th scope="col" class="number">used</th></tr></thead>
<tbody>${counts.map(
    (row) =>
      html`<tr><th scope="row">${row.relation} <span class="tag">${row.split === 'train' ? 'training' : 'test'}</span></th>${FATES.map(
        ([fate, text]) => html`<td class="number" data-label="${text}">${formatCount(row[fate])}</td>`,
      )}<td class="number" data-label="used of each">${formatCount(row.kept)}</td></tr>`,
  )}</tbody></table></details></section>`;
}

/** Everything that is needed to do it again. */
export function whatWasRun(report: Report): Markup {
  const { run, model, questions, training, files } = report;
  const seconds = run.stages.reduce((sum, stage) => sum + stage.seconds, 0);
  const facts: [string, Markup | string][] = [
    ['command', html`<code>${run.command}</code>`],
    [
      'model',
      `${model.name}: ${model.architecture}, ${model.quantisation}, ${model.layers} layers of ${formatCount(model.ffn)} neurons`,
    ],
    ['from', model.source],
    ['SHA-256', html`<code>${model.sha256}</code>`],
    ['prompt style', model.promptStyle],
    ['questions', html`${questions.source}, <code>${questions.sha256}</code>`],
    ['training', `${training.mode}, ${formatCount(training.rows)} rows, C = ${training.chosen}`],
    ['seed', String(run.seed)],
    ['software', `hneurons ${run.version}, ${run.library}, ${run.system}`],
    ['device', run.device],
    [
      'time',
      `${formatSeconds(seconds)}: ${run.stages.map(({ name, seconds }) => `${name} ${formatSeconds(seconds)}`).join(', ')}`,
    ],
    [
      'settings',
      Object.entries(run.settings)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ') || 'defaults',
    ],
    [
      'files',
      Object.entries(files)
        .map(([what, path]) => `${what}: ${path}`)
        .join(', '),
    ],
  ];
  return html`<section id="run"><h2>What was run</h2>
<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>`;
}

/** The words that the page cannot do without. */
export function glossary({ test }: Report): Markup {
  const words: [string, string][] = [
    [
      'Neuron',
      'One of the many small units inside each layer of the model. It is more or less active at each token and adds its own direction to the model’s thoughts.',
    ],
    [
      'CETT',
      'How much of a layer’s output at a token one neuron is responsible for: its activity times the length of its direction, divided by the length of the output.',
    ],
    [
      'Faithful, hallucinated',
      'A question that the model answers right every time it is asked, or wrong every time. What it sometimes knows belongs to neither.',
    ],
    [
      'H-Neurons',
      'Neurons whose activity during an answer speaks for a hallucination: those with a positive weight in the detector.',
    ],
    ['Detector', 'A weighted sum of the activity of a few neurons, turned into a risk between 0 and 100 %.'],
    [
      'AUROC',
      'The chance that a hallucinated answer gets a higher risk than a faithful one. .50 is guessing, 1 is perfect.',
    ],
    [
      'Accuracy',
      `The share of answers that the detector sorts correctly. As many right as made-up answers are tested, so guessing gives ${formatPercent(0.5)}.`,
    ],
    [
      'Random control',
      `As many neurons chosen at random, trained and tested in the same way, ${test.control.runs.length} times over. What they reach has nothing to do with special neurons.`,
    ],
    [
      '95 % interval',
      'The test repeated on questions drawn anew from those at hand: 95 % of the results lie inside. Few questions give a wide interval.',
    ],
  ];
  return html`<section id="glossary"><h2>Glossary</h2><dl class="glossary">${words.map(([word, text]) => html`<dt>${word}</dt><dd>${text}</dd>`)}</dl></section>`;
}
