import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { parseHTML } from 'linkedom';
import { renderHtml } from '../../src/report/html.js';
import { renderCsv } from '../../src/report/table/csv.js';
import { escapeMarkdown, renderMarkdown } from '../../src/report/table/markdown.js';
import { paperRow } from '../../src/report/table/paper.js';
import { TableSchema } from '../../src/report/table/schema.js';
import { summarise } from '../../src/report/table/summary.js';
import { completeReport } from '../../src/report/verdict.js';
import { HOSTILE, STEERING, syntheticContent } from '../support/report.js';
import { someFigures, someRow, someTable } from '../support/table.js';

const FEW = someRow('nonexist (vs. refusals)', {
  faithful: 3,
  hallucinated: 3,
  figures: null,
  note: 'too few: 3 of each class matched, 20 are needed (100 asked, 3 right, 97 wrong)',
});

/** Cells of each line of a Markdown table, split at each pipe that no backslash stands before, as GitHub does. */
function cellsOf(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

test('the sentence says what the intervals say', () => {
  const ahead = someRow('facts', { figures: someFigures({ signal: 2, random: 0, logProbability: 0 }) });
  const level = someRow('nq-open', { figures: someFigures({ signal: 0.3, random: 0.3, logProbability: 3 }) });
  assert.equal(
    summarise([ahead, level, FEW]),
    "The detector beats as many random neurons on facts, but not on nq-open; the model's own log-probability, without a look at any neuron, does better on nq-open and worse on facts; too few answers to tell on nonexist (vs. refusals).",
  );
  assert.match(summarise([level]), /^The detector does not beat as many random neurons on nq-open; /);
  assert.equal(
    summarise([FEW]),
    'Nothing can be said: too few answers of both classes on nonexist (vs. refusals).',
  );
  const alone = someRow('facts', { figures: { ...ahead.figures!, random: null } });
  assert.match(summarise([alone]), /^There are no random neurons to compare with; /);
});

test('Markdown: every row has every column, too few answers say so in place of figures', () => {
  const table = someTable([someRow('facts'), FEW]);
  const lines = cellsOf(renderMarkdown(table));
  assert.deepEqual([...new Set(lines.slice(0, 3).map((cells) => cells.length))], [9]);
  assert.deepEqual([...new Set(lines.slice(3, 6).map((cells) => cells.length))], [8]);
  const few = lines.find((cells) => cells[0] === 'nonexist (vs. refusals)')!;
  assert.equal(few[1], '3 + 3');
  assert.match(few[2], /^too few: 3 of each class matched/);
  const facts = lines.find((cells) => cells[0] === 'facts')!;
  assert.match(facts[2], /^\.\d\d \(\.\d\d–(\.\d\d|1\.00)\)$/);
  assert.match(facts[5], /^[+−]\.\d+ \([+−]\.\d+ to [+−]\.\d+\)$/);
});

test('Markdown: hostile names stay in their cell and are shown as they are', () => {
  assert.equal(
    escapeMarkdown('a|b\nc `d` *e* [f](g) <h> &amp; \\'),
    'a\\|b↵c \\`d\\` \\*e\\* \\[f\\](g) \\<h\\> \\&amp; \\\\',
  );
  const names = [...HOSTILE, 'pipe | pipe || \\| end\\', 'line\r\n| not | a | row |', '# no heading'];
  const rows = names.map((name, i) =>
    someRow(`${name} ${i}`, { source: name, note: name, ...(i % 2 && { figures: null }) }),
  );
  const markdown = renderMarkdown(
    someTable(rows, {
      model: { ...someTable([]).model, name: names.join(' ') },
      run: { ...someTable([]).run, command: 'hneurons ``` | `x` \n # y' },
      notes: names,
    }),
  );
  assert.doesNotMatch(markdown, STEERING);
  const lines = cellsOf(markdown);
  assert.equal(lines.length, 3 * (names.length + 1));
  for (const cells of lines) assert.ok([9, 8, 13].includes(cells.length), cells.join(' | '));
  assert.equal(
    markdown.split('\n').filter((line) => line.startsWith('#')).length,
    3,
    'no heading from outside',
  );
  assert.match(markdown, /^- Command: ```` hneurons ``` \| `x` ↵ # y ````$/m);
  assert.doesNotMatch(markdown.replace(/`.*`/g, ''), /(?<!\\)<(script|img|h1)/);
});

test('CSV: read back by a parser it holds every figure and every odd character', () => {
  const name = 'a "quoted", name\nof two lines | and =1+1';
  const rows = [someRow(name, { source: 'x,y' }), FEW];
  const [first, few] = parse(renderCsv(someTable(rows)), { columns: true }) as Record<string, string>[];
  assert.equal(first.row, name);
  assert.equal(first.source, 'x,y');
  const figures = rows[0].figures!;
  assert.equal(Number(first.auroc), figures.auroc.estimate);
  assert.equal(Number(first.auprc_high), figures.auprc.high);
  assert.equal(Number(first.random_auroc_mean), figures.random!.auroc.mean);
  assert.equal(Number(first.minus_log_probability_auroc_low), figures.logProbability.difference.low);
  assert.equal(first.random_sets, '10');
  assert.equal(few.auroc, '');
  assert.match(few.note, /^too few/);
});

test('the paper is quoted for its six models alone, by name and shape', () => {
  const model = (name: string, layers: number, ffn: number) => paperRow({ names: ['x', name], layers, ffn });
  for (const [name, layers, ffn, wanted] of [
    ['Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf', 32, 14336, 'Llama-3.1-8B'],
    ['Meta Llama 3.1 8B Instruct', 32, 14336, 'Llama-3.1-8B'],
    ['Llama3.1-8B-Instruct', 32, 14336, 'Llama-3.1-8B'],
    ['hf:bartowski/Llama-3.3-70B-Instruct-GGUF:Q8_0', 80, 28672, 'Llama-3.3-70B'],
    ['gemma-3-4b-it-Q4_K_M.gguf', 34, 10240, 'Gemma-3-4B'],
    ['Gemma 3 27b It', 62, 21504, 'Gemma-3-27B'],
    ['Mistral-7B-Instruct-v0.3', 32, 14336, 'Mistral-7B-v0.3'],
    ['mistralai_Mistral-Small-3.1-24B-Instruct-2503', 40, 32768, 'Mistral-Small-3.1-24B'],
  ] as const) {
    assert.equal(model(name, layers, ffn)?.model, wanted, name);
  }
  assert.equal(model('Llama-3.1-8B-Instruct', 32, 14335), undefined, 'another shape');
  assert.equal(model('Meta-Llama-3-8B-Instruct', 32, 14336), undefined, 'Llama 3, not 3.1');
  assert.equal(model('Mistral-7B-Instruct-v0.2', 32, 14336), undefined);
  assert.equal(model('gemma-3-4b-pt', 34, 10240), undefined, 'the base model');
  assert.equal(model('Llama-3.1-8B', 32, 14336), undefined, 'the base model');
  assert.deepEqual(model('gemma-3-4b-it', 34, 10240)!.cells, {
    triviaqa: { accuracy: 76.9, random: 62 },
    'nq-open': { accuracy: 70.7, random: 59.7 },
    bioasq: { accuracy: 71, random: 56 },
    nonexist: { accuracy: 71.9, random: 56.9 },
  });
});

test("the paper's figures stand beside ours", () => {
  const row = someRow('triviaqa', { paper: { accuracy: 76.9, random: 62 } });
  const table = someTable([row, someRow('facts')], { paper: { model: 'Gemma-3-4B', permille: 0.1 } });
  const lines = cellsOf(renderMarkdown(table));
  const head = lines.findIndex((cells) => cells.at(-1) === 'paper, Gemma-3-4B (random)');
  assert.deepEqual(
    lines.slice(head + 1, head + 3).map((cells) => cells.at(-1)),
    ['76.9 (62.0)', '–'],
  );
});

test('the report shows the table, escaped, with a reliability diagram for each measured row', () => {
  const rows = [...HOSTILE.map((name, i) => someRow(`${name} ${i}`, { source: name })), FEW];
  const table = TableSchema.parse(someTable(rows, { notes: HOSTILE }));
  const page = renderHtml(completeReport({ ...syntheticContent(), table }));
  const { document } = parseHTML(page);
  const section = document.getElementById('table')!;
  assert.equal(section.querySelectorAll('script, img, h1').length, 0);
  assert.equal(section.querySelectorAll('#table-calibration svg').length, HOSTILE.length);
  assert.ok(document.querySelector('nav a[href="#table"]'));
  assert.doesNotMatch(section.outerHTML, /NaN|undefined|Infinity/);
  assert.match(section.textContent ?? '', /too few: 3 of each class matched/);
  const without = parseHTML(renderHtml(completeReport(syntheticContent()))).document;
  assert.equal(without.getElementById('table'), null);
  assert.equal(without.querySelector('nav a[href="#table"]'), null);
});
