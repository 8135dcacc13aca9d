import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../src/datasets/open.js';
import { UserError } from '../../src/errors.js';
import { createJudge } from '../../src/judge/rule.js';
import { expectUserError } from '../support/expect-user-error.js';
import { parquet } from '../support/parquet.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { triviaFile, triviaRows } from './setup.js';

const folder = temporaryFolder();

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function open(spec: string) {
  const notices: string[] = [];
  const set = await openDataset(spec, { onNotice: (text) => notices.push(text) });
  return { ...set, notices };
}

const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

test("Parquet of one's own: usual columns, nulls, numbers, answers in another script", async () => {
  const rows = [
    { id: 7, question: 'Capital of Japan?', aliases: ['東京', 'Tokyo'], relation: 'capital', note: 'x' },
    { id: 8, question: 'Capital of Greece?', aliases: ['Αθήνα'], relation: null, note: null },
  ];
  const shapes = { id: 'int', question: 'text', aliases: 'texts', relation: 'text', note: 'text' } as const;
  const path = write('own.parquet', parquet(shapes, rows, 1));
  const { name, source, questions } = await open(path);
  assert.deepEqual([name, source], ['own', path]);
  assert.deepEqual(questions, [
    { id: '7', question: 'Capital of Japan?', aliases: ['東京', 'Tokyo'], relation: 'capital' },
    { id: '8', question: 'Capital of Greece?', aliases: ['Αθήνα'], relation: 'all' },
  ]);
  assert.equal(createJudge(questions[0].aliases)('答えは東京です。'), 'correct');
  assert.equal(createJudge(questions[1].aliases)('Είναι η ΑΘΗΝΑ'), 'correct');
});

test("Parquet of one's own: wrong columns, empty aliases, duplicate ids, nested columns where a text belongs", async () => {
  await expectUserError(
    () =>
      open(
        write('columns.parquet', parquet({ frage: 'text', answer: 'text' }, [{ frage: 'F?', answer: 'A' }])),
      ),
    /columns\.parquet has no column "question"/,
    /names "frage", "answer"/,
  );
  const rows = [
    { id: 'x', question: 'Q?', aliases: ['A'] },
    { id: 'y', question: 'Q?', aliases: [] },
    { id: 'x', question: 'Q?', aliases: ['B'] },
    { id: 'z', question: null, aliases: ['B'] },
  ];
  await expectUserError(
    () => open(write('rows.parquet', parquet({ id: 'text', question: 'text', aliases: 'texts' }, rows))),
    /has 3 broken rows: row 2: no accepted answer/,
    /row 3: id "x" is already used in row 1/,
    /row 4: "question" must be text/,
  );
  const struct = parquet({ question: 'text', answer: { score: 'text' } }, [
    { question: 'Q?', answer: { score: 'A' } },
  ]);
  await expectUserError(
    () => open(write('struct.parquet', struct)),
    /1 broken row: row 1: "answer" must be text/,
  );
  const nested = triviaFile(triviaRows('train', 3));
  assert.equal(
    (await open(write('nested.parquet', nested))).questions.length,
    3,
    'an answer with its aliases',
  );
  assert.equal((await open(`triviaqa=${write('trivia.parquet', nested)}`)).questions.length, 3);
});

test('a file stands in for a set with its own columns or the usual ones; what cannot be used is counted', async () => {
  const own = write(
    'own.jsonl',
    lines(
      { question: 'who?', answer: ['A', 'B'] },
      { id: 'n', question: 'when?', aliases: ['C'] },
      { question: 'what?', answer: ['---'] },
    ),
  );
  const { name, questions, notices } = await open(`nq-open=${own}`);
  assert.equal(name, 'nq-open');
  assert.deepEqual(questions, [
    { id: 'line-1', question: 'who?', aliases: ['A', 'B'], relation: 'nq-open' },
    { id: 'n', question: 'when?', aliases: ['C'], relation: 'nq-open' },
  ]);
  assert.deepEqual(notices, [
    'nq-open: 1 left out: the accepted answer "---" is only punctuation (the first is line 3).',
  ]);
  const csv = write('simple.csv', 'problem,answer\nHow many?,4\n');
  assert.deepEqual((await open(`simpleqa=${csv}`)).questions[0].aliases, ['4']);
  await expectUserError(
    () => open(`simpleqa=${write('none.csv', 'a,b\n1,2\n')}`),
    /no column "question" \(or those of the set: "problem", "answer"\)/,
  );
  await expectUserError(
    () => open(`nq-open=${write('bad.jsonl', lines({ question: 'q?', answer: [] }))}`),
    /holds no question that can be used; line 1: no accepted answer/,
  );
  await expectUserError(
    () => open(`nq-open=${write('torn.jsonl', '{"question":"q?"')}`),
    /line 1: not valid JSON/,
  );
});

test('BioASQ: the export of its site, other types counted, and where to get it', async () => {
  const path = write(
    'training13b.json',
    JSON.stringify(
      {
        questions: [
          {
            id: 'b1',
            body: 'Which gene?',
            type: 'factoid',
            exact_answer: [['BRCA1', 'breast cancer 1'], ['X']],
            documents: [],
          },
          { id: 'b2', body: 'Which drug?', type: 'factoid', exact_answer: ['aspirin'], ideal_answer: ['…'] },
          { id: 'b3', body: 'Which organ?', type: 'factoid', exact_answer: 'liver' },
          { id: 'b4', body: 'Is it?', type: 'yesno', exact_answer: 'yes' },
          { id: 'b5', body: 'Why?', type: 'summary' },
        ],
      },
      null,
      2,
    ),
  );
  const { questions, notices } = await open(`bioasq=${path}`);
  assert.deepEqual(
    questions.map(({ id, question, aliases, relation }) => [id, question, aliases, relation]),
    [
      ['b1', 'Which gene?', ['BRCA1', 'breast cancer 1', 'X'], 'bioasq'],
      ['b2', 'Which drug?', ['aspirin'], 'bioasq'],
      ['b3', 'Which organ?', ['liver'], 'bioasq'],
    ],
  );
  assert.ok(
    notices.some((text) =>
      /bioasq: 1 left out: a question of another type \(the first is record 4\)/.test(text),
    ),
  );
  await expectUserError(
    () => open('bioasq'),
    /needs your own file/,
    /participants-area\.bioasq\.org/,
    /bioasq=FILE/,
  );
});

test('choices: letter, text or number of the answer; every way it can be wrong', async () => {
  const path = write(
    'choice.jsonl',
    lines(
      { question: '1?', options: ['x', 'y', 'z'], answer: 'b' },
      { question: '2?', options: { B: 'y', A: 'x' }, answer: 'y' },
      { question: '3?', options: ['x', 'y', 'z'], answer: 2 },
      { question: '4?', options: ['O', 'A', 'B'], answer: 'A', split: 'validation' },
    ),
  );
  const { questions } = await open(path);
  assert.deepEqual(
    questions.map(({ aliases, options, kind }) => [aliases[0], options?.length, kind]),
    [
      ['B', 3, 'choice'],
      ['B', 2, 'choice'],
      ['C', 3, 'choice'],
      ['A', 3, 'choice'],
    ],
  );
  assert.equal(questions[3].split, 'test');
  const csv = write('choice.csv', 'question,options,answer\n1?,x|y|z,C\n2?,"[""x|"",""y""]",y\n');
  assert.deepEqual(
    (await open(csv)).questions.map(({ aliases }) => aliases[0]),
    ['C', 'B'],
  );
  const bad = write(
    'bad-choice.jsonl',
    lines(
      { question: '1?', options: ['x'], answer: 'A' },
      { question: '2?', options: ['x', 'y'], answer: 'D' },
      { question: '3?', options: ['x', 'y'] },
      { question: '4?', options: ['1', '2', '0'], answer: 1 },
      { question: '5?', options: ['x', ''], answer: 'A' },
    ),
  );
  await expectUserError(
    () => open(bad),
    /5 broken lines/,
    /line 1: "options" must be 2 to 26 texts, not 1/,
    /line 2: the answer "D" is none of the options/,
    /line 3: no answer/,
    /line 4: .* give the letter/,
    /line 5: an option is empty/,
  );
});

test('a made-up question in a file needs no answer; other kinds are refused', async () => {
  const path = write(
    'made-up.jsonl',
    lines({ question: 'Who is Ulvarin?', kind: 'fabricated', split: 'train' }),
  );
  assert.deepEqual((await open(path)).questions, [
    {
      id: 'line-1',
      question: 'Who is Ulvarin?',
      aliases: [],
      relation: 'all',
      split: 'train',
      kind: 'fabricated',
    },
  ]);
  await expectUserError(
    () => open(write('kind.jsonl', lines({ question: 'Q?', answer: 'A', kind: 'essay' }))),
    /line 1: "kind" must be fabricated, choice or nothing/,
  );
});

test('lists in a JSON document, and one that is none', async () => {
  const list = write('list.json', JSON.stringify([{ question: 'Q?', answer: 'A' }], null, 1));
  assert.equal((await open(list)).questions.length, 1);
  const asLines = write(
    'lines.json',
    lines({ question: 'Q?', answer: 'A' }, { question: 'R?', answer: 'B' }),
  );
  assert.equal((await open(asLines)).questions.length, 2);
  await expectUserError(() => open(write('half.json', '{"questions": [')), /line 1: not valid JSON/);
});

test('a CSV with a field of 100 MB is refused and not kept', async () => {
  const path = write('long.csv', 'question,answer\nQ?,A\nR?,');
  const piece = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 100; i++) appendFileSync(path, piece);
  appendFileSync(path, '\nS?,B\n');
  global.gc?.();
  const before = process.memoryUsage().rss;
  await expectUserError(() => open(path), /has 1 broken line: line 3: longer than 1 MiB/);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 64 << 20, `the line was held in memory: ${grown >> 20} MiB`);
});

test('names that are none say what there is', async () => {
  await expectUserError(() => open('triviqa'), /no data set "triviqa"/, /triviaqa/);
  await expectUserError(() => open(`trivia=${join(folder, 'own.jsonl')}`), /no data set "trivia"/);
  await expectUserError(() => open(join(folder, 'missing.csv')), /cannot read .*missing\.csv/);
  await expectUserError(() => open('triviaqa='), /no data set "triviaqa="/);
});

test('damaged Parquet files give questions or one line, and no failure goes unnoticed', async () => {
  const unnoticed: unknown[] = [];
  const note = (error: unknown) => unnoticed.push(error);
  process.on('unhandledRejection', note);
  const good = triviaFile(triviaRows('train', 40), 20);
  const random = seededRandom(5);
  let refused = 0;
  for (let i = 0; i < 200; i++) {
    const bytes = good.slice();
    for (let k = 0; k < 3; k++) {
      // Half of the damage in the footer, where offsets, sizes and names stand.
      const from = random() < 0.5 ? bytes.length - 1500 : 0;
      bytes[from + Math.floor(random() * (bytes.length - from))] = Math.floor(random() * 256);
    }
    const path = write('fuzz.parquet', bytes);
    await open(`triviaqa=${path}`).catch((error) => {
      refused++;
      assert.ok(error instanceof UserError, error.stack);
      assert.doesNotMatch(error.message, /\n/);
    });
  }
  await new Promise((go) => setImmediate(go));
  process.off('unhandledRejection', note);
  assert.deepEqual(unnoticed, []);
  assert.ok(refused > 50, `${refused} refused`);
});
