import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readJudged } from '../../src/exchange/judged.js';
import type { Skip } from '../../src/exchange/records.js';
import { readJudgeItems } from '../../src/pipeline/judge-items.js';
import { loadQuestions } from '../../src/questions/load.js';
import { expectUserError } from '../support/expect-user-error.js';
import { parquet, type Shape } from '../support/parquet.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const EXTENSIONS = ['jsonl', 'json', 'csv', 'tsv', 'parquet'] as const;

/** The same rows of texts in each format. */
function save(name: string, rows: Record<string, string>[], extension: (typeof EXTENSIONS)[number]): string {
  const path = join(folder, `${name}.${extension}`);
  const columns = Object.keys(rows[0]);
  const table = (sign: string) =>
    [columns, ...rows.map((row) => columns.map((column) => row[column]))]
      .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(sign))
      .join('\n');
  const shapes = Object.fromEntries(columns.map((column): [string, Shape] => [column, 'text']));
  const contents = {
    jsonl: () => rows.map((row) => JSON.stringify(row)).join('\n'),
    json: () => JSON.stringify(rows),
    csv: () => table(','),
    tsv: () => table('\t'),
    parquet: () => parquet(shapes, rows),
  };
  writeFileSync(path, contents[extension]());
  return path;
}

const CELLS = ['["Lima","Ciudad de los Reyes"]', "['Lima', \"L'Aquila\"]", "['Lima' 'LIMA']", 'Lima|LIMA'];
const WANTED = [
  ['Lima', 'Ciudad de los Reyes'],
  ['Lima', "L'Aquila"],
  ['Lima', 'LIMA'],
  ['Lima', 'LIMA'],
];

test('questions: a list in a cell, and columns in any letters, mean the same in every format', async () => {
  const rows = CELLS.map((cell, i) => ({ ID: `q${i}`, Question: `Q${i}?`, ' Aliases ': cell }));
  for (const extension of EXTENSIONS) {
    const questions = await loadQuestions(save('questions', rows, extension));
    assert.deepEqual(
      questions.map(({ id, aliases }) => [id, aliases]),
      WANTED.map((aliases, i) => [`q${i}`, aliases]),
      extension,
    );
    await expectUserError(
      () => loadQuestions(save('bad', [{ question: 'Q?', aliases: '[redacted]' }], extension)),
      /bad\.\w+ has 1 broken (line|record|row): \w+ [12]: "aliases" begins with \[/,
    );
    const twice = save('twice', [{ question: 'Q?', answer: 'a', Answer: 'b' }], extension);
    await expectUserError(() => loadQuestions(twice), /"answer" twice/);
  }
});

test('options in a cell: the same choice in every format', async () => {
  const rows = [
    { question: 'Q1?', options: "['x' 'y' 'z']", answer: '2' },
    { question: 'Q2?', options: "{'A': 'x', 'B': 'y'}", answer: 'B' },
    { question: 'Q3?', options: '["[1]", "[1, 2]"]', answer: 'A' },
  ];
  for (const extension of EXTENSIONS) {
    const questions = await loadQuestions(save('options', rows, extension));
    assert.deepEqual(
      questions.map(({ options, aliases }) => [options, aliases]),
      [
        [['x', 'y', 'z'], ['C']],
        [['x', 'y'], ['B']],
        [['[1]', '[1, 2]'], ['A']],
      ],
      extension,
    );
  }
});

test('judged responses of an import: the same aliases and tokens in every format; a bad list is left out with its reason', async () => {
  const rows = CELLS.map((aliases, i) => {
    return {
      id: `q${i}`,
      question: 'Q?',
      response: 'Lima',
      label: 'true',
      aliases,
      answer_tokens: "['Li', 'ma']",
    };
  });
  for (const extension of EXTENSIONS) {
    const skipped: Skip[] = [];
    const path = save('judged', [...rows, { ...rows[0], id: 'bad', aliases: '[redacted]' }], extension);
    const items = await readJudged(path, undefined, (skip) => skipped.push(skip));
    assert.deepEqual(
      items.map(({ aliases, answerTokens }) => [aliases, answerTokens]),
      WANTED.map((aliases) => [aliases, ['Li', 'ma']]),
      extension,
    );
    assert.match(skipped[0].reason, /^"aliases": begins with \[/);
    assert.equal(skipped.length, 1);
  }
});

test('responses to judge: the same aliases in every format, and responses as a list in a cell', async () => {
  const rows = CELLS.map((aliases, i) => {
    return {
      id: `q${i}`,
      Question: 'Q?',
      responses: '["Lima", "Cusco"]',
      aliases,
      judged: "['True', 'False']",
    };
  });
  for (const extension of EXTENSIONS) {
    const items = await readJudgeItems(save('judge', rows, extension));
    assert.deepEqual(
      items.map(({ aliases, response, given }) => [aliases, response, given]),
      WANTED.flatMap((aliases) => [
        [aliases, 'Lima', 'correct'],
        [aliases, 'Cusco', 'wrong'],
      ]),
      extension,
    );
  }
});

test('ids that a number cannot hold stay apart; ids that differ by type alone are the same', async () => {
  const path = join(folder, 'ids.jsonl');
  const line = (id: string) => `{"id":${id},"question":"Q?","answer":"a"}`;
  writeFileSync(path, [line('12345678901234567890'), line('12345678901234567891')].join('\n'));
  assert.deepEqual(
    (await loadQuestions(path)).map(({ id }) => id),
    ['12345678901234567890', '12345678901234567891'],
  );
  for (const pair of [
    ['1', '"1"'],
    ['1.0', '1'],
    ['1e3', '1000'],
    ['-0', '0'],
  ]) {
    writeFileSync(path, pair.map(line).join('\n'));
    await expectUserError(() => loadQuestions(path), /line 2: id "\d+" is already used in line 1/);
  }
  const ids = ['12345678901234567', '12345678901234568'];
  const rows = ids.map((id) => ({ id, question: 'Q?', answer: 'a' }));
  const table = parquet({ id: 'int', question: 'text', answer: 'text' }, rows);
  writeFileSync(join(folder, 'ids.parquet'), table);
  assert.deepEqual(
    (await loadQuestions(join(folder, 'ids.parquet'))).map(({ id }) => id),
    ids,
  );
});

test('answers that are numbers, dates and decimals are their text; what is no text is refused', async () => {
  const path = join(folder, 'answers.parquet');
  const write = (shape: Shape, answer: unknown) =>
    writeFileSync(path, parquet({ question: 'text', answer: shape }, [{ question: 'Q?', answer }]));
  const read = async () => (await loadQuestions(path))[0].aliases;
  write('date', new Date('1912-04-15'));
  assert.deepEqual(await read(), ['1912-04-15']);
  write('decimal', 3.3);
  assert.deepEqual(await read(), ['3.3']);
  write('float', 1e21);
  assert.deepEqual(await read(), ['1000000000000000000000']);
  write('float', Number.NaN);
  await expectUserError(read, /no accepted answer/);
  const json = join(folder, 'answers.jsonl');
  writeFileSync(json, '{"question":"Q?","answer":true}');
  await expectUserError(() => loadQuestions(json), /line 1: "answer" must be text/);
  writeFileSync(json, '{"question":"Q?","answer":NaN}');
  await expectUserError(() => loadQuestions(json), /line 1: not valid JSON \(NaN is not JSON/);
});
