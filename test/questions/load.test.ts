import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { loadQuestions } from '../../src/questions/load.js';

const folder = mkdtempSync(join(tmpdir(), 'questions-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function failure(path: string): Promise<string> {
  try {
    await loadQuestions(path);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.ok(error.message.includes(path), 'names the file');
    assert.ok(!error.message.includes('\n'), 'one line');
    return error.message;
  }
  return assert.fail('no error');
}

test('JSON Lines: aliases, answer, numbers, optional fields, BOM, CRLF, blank lines, no last newline', async () => {
  const path = write(
    'a.jsonl',
    '\ufeff{"question":" Q1? ","aliases":["A","B ","A",""]}\r\n\r\n' +
      '{"question":"Q2?","answer":4,"id":7,"relation":"count","other":1}\n' +
      '{"question":"Q3?","aliases":["C"],"answer":"D","id":null}',
  );
  assert.deepEqual(await loadQuestions(path), [
    { id: 'line-1', question: 'Q1?', aliases: ['A', 'B'], relation: 'all' },
    { id: '7', question: 'Q2?', aliases: ['4'], relation: 'count' },
    { id: 'line-4', question: 'Q3?', aliases: ['C', 'D'], relation: 'all' },
  ]);
});

test('CSV: quotes, a line break in a cell, | and JSON lists, BOM, CRLF, header in any case and order', async () => {
  const path = write(
    'a.csv',
    '\ufeffID,Aliases,Question,note\r\nx,A | B,"Who, exactly?",n\r\ny,"[""C|D"", ""E""]","Two\nlines?",\r\n\r\n',
  );
  assert.deepEqual(await loadQuestions(path), [
    { id: 'x', question: 'Who, exactly?', aliases: ['A', 'B'], relation: 'all' },
    { id: 'y', question: 'Two\nlines?', aliases: ['C|D', 'E'], relation: 'all' },
  ]);
  const answers = write('b.txt', 'question,answer\nQ?,a|b\n');
  assert.deepEqual((await loadQuestions(answers))[0].aliases, ['a|b'], 'an answer is one text');
});

test('broken JSON lines: file, line and reason of each, all counted', async () => {
  const message = await failure(
    write(
      'broken.jsonl',
      [
        '{"question":"Q?","aliases":["A"],"id":"x"}',
        '{"question":"Q?"',
        '{"aliases":["A"]}',
        '{"question":"Q?","aliases":[]}',
        '{"question":"Q?","aliases":[{}]}',
        '[1]',
        '{"question":"Q?","aliases":["A"],"id":"x"}',
        '{"question":"  ","aliases":["A"]}',
      ].join('\n'),
    ),
  );
  assert.match(message, /has 7 broken lines: line 2: not valid JSON/);
  assert.match(message, /line 3: "question" is missing/);
  assert.match(message, /line 4: no accepted answer/);
  assert.match(message, /line 5: "aliases/);
  assert.match(message, /line 6: not a JSON object/);
  assert.match(message, /; and 2 more/);
});

test('duplicate ids and answers of punctuation only', async () => {
  const line = (id: string, alias: string) => `{"question":"Q?","aliases":["${alias}"],"id":"${id}"}\n`;
  assert.match(
    await failure(write('ids.jsonl', line('x', 'A') + line('x', 'A'))),
    /line 2: id "x" is already used in line 1/,
  );
  assert.match(
    await failure(write('dots.jsonl', line('x', '...'))),
    /line 1: the accepted answer "..." is only punctuation/,
  );
});

test('broken CSV: missing columns name those seen; rows name their line', async () => {
  assert.match(
    await failure(write('columns.csv', 'frage,answer\nQ?,A\n')),
    /no column "question": its first line names "frage", "answer"/,
  );
  assert.match(
    await failure(write('columns2.csv', 'question,reply\nQ?,A\n')),
    /no column "aliases" or "answer"/,
  );
  const message = await failure(write('rows.csv', 'question,answer\nQ?,A\nQ?,A,B\n,A\nQ?,\n"Q?,A\n'));
  assert.match(message, /has 4 broken lines: line 3: another number of columns/);
  assert.match(message, /line 4: "question" is empty/);
  assert.match(message, /line 5: no accepted answer/);
  assert.match(message, /line \d: a quotation mark is opened and not closed/);
  assert.match(
    await failure(write('list.csv', 'question,aliases\nQ?,[A\n')),
    /line 2: "aliases" begins with \[ but/,
  );
});

test('empty, missing, wrong encoding, a folder', async () => {
  assert.match(await failure(write('empty.jsonl', '')), /holds no questions/);
  assert.match(await failure(write('empty.csv', '')), /holds no questions/);
  assert.match(await failure(write('header.csv', 'question,answer\n')), /holds no questions/);
  assert.match(await failure(join(folder, 'none.jsonl')), /cannot read/);
  assert.match(await failure(folder), /cannot read/);
  const latin = Buffer.from('{"question":"Où?","answer":"A"}\n', 'latin1');
  assert.match(await failure(write('latin.jsonl', latin)), /line 1: not UTF-8 text/);
  assert.match(
    await failure(write('latin.csv', Buffer.from('question,answer\nOù?,A\n', 'latin1'))),
    /is not UTF-8/,
  );
});

test('a line of 100 MB is named and not kept', async () => {
  const line = '{"question":"Q?","answer":"A"}\n';
  const path = write(
    'long.jsonl',
    Buffer.concat([Buffer.from(line), Buffer.alloc(100 << 20, 'x'), Buffer.from(`\n${line}`)]),
  );
  global.gc?.();
  const before = process.memoryUsage().rss;
  assert.match(await failure(path), /has 1 broken line: line 2: longer than 1 MiB/);
  assert.ok(process.memoryUsage().rss - before < 64 << 20, 'the line was held in memory');
});

test('a record that is nested too deeply is named, in either kind of JSON', async () => {
  const nested = `{"question":"q","aliases":${'['.repeat(5000)}"a"${']'.repeat(5000)}}`;
  for (const [name, content] of [
    ['deep.jsonl', nested],
    ['deep.json', `[${nested}]`],
  ] as const) {
    assert.match(await failure(write(name, content)), /1: lists or objects nested more than 64 deep/);
  }
});

test('a text that no model reads is named, whatever the kind of the file; so is a column that stands twice', async () => {
  const long = 'x'.repeat((1 << 20) + 1);
  const answer = 'y'.repeat(100_001);
  for (const [name, content, reason] of [
    ['long.json', JSON.stringify([{ question: long, answer: 'a' }]), /"question" is longer than 1,048,576/],
    [
      'answer.json',
      JSON.stringify([{ question: 'q', answer }]),
      /record 1: an accepted answer is longer than 100,000/,
    ],
    [
      'alias.jsonl',
      JSON.stringify({ question: 'q', aliases: [answer] }),
      /line 1: an accepted answer is longer than/,
    ],
    [
      'option.json',
      JSON.stringify([{ question: 'q', options: ['a', answer], answer: 'A' }]),
      /an option is longer/,
    ],
    ['line.jsonl', JSON.stringify({ question: long, answer: 'a' }), /line 1: longer than 1 MiB/],
    ['twice.csv', 'question,answer,Answer\nq,a,b\n', /has the column "answer" twice/],
  ] as const) {
    assert.match(await failure(write(name, content)), reason);
  }
});
