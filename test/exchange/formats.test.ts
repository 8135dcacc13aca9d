import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAnswerTokens } from '../../src/exchange/answer-tokens.js';
import { detectFormat } from '../../src/exchange/detect.js';
import { readIds } from '../../src/exchange/ids.js';
import { readJudged } from '../../src/exchange/judged.js';
import { behindPrompt, fromQid, toQid, withoutGap, withoutRequest } from '../../src/exchange/names.js';
import type { Skip } from '../../src/exchange/records.js';
import { readSamples } from '../../src/exchange/samples.js';
import { findAnswer, locateAnswer } from '../../src/exchange/spell.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
let files = 0;

function save(content: string, name = `file-${files++}.jsonl`): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function lines(...values: unknown[]): string {
  return save(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n'));
}

async function read<T>(
  path: string,
  reader: (path: string, skip: (skipped: Skip) => void) => Promise<T[]>,
): Promise<{ items: T[]; reasons: string[] }> {
  const skipped: Skip[] = [];
  const items = await reader(path, (one) => skipped.push(one));
  return { items, reasons: skipped.map(({ line, id, reason }) => `${line} ${id ?? '-'}: ${reason}`) };
}

const REQUEST = ' Respond with the answer only, without any explanation.';

test('samples: published and flattened forms give the same items', async () => {
  const nested = lines({
    tc_1: {
      question: `Who?${REQUEST}`,
      responses: ['A', "I don't know"],
      judges: ['true', 'uncertain'],
      ground_truth: ['A', 'a'],
    },
  });
  const flat = lines({
    id: 'tc_1',
    question: 'Who?',
    aliases: ['A', 'a'],
    responses: ['A', "I don't know"],
    judged: [true, 'uncertain'],
  });
  const expected = {
    id: 'tc_1',
    line: 1,
    question: 'Who?',
    aliases: ['A', 'a'],
    responses: ['A', "I don't know"],
    judges: ['true', 'uncertain'],
  };
  for (const path of [nested, flat])
    assert.deepEqual(await read(path, readSamples), { items: [expected], reasons: [] });
});

test('samples: each bad line is left out with its reason, the others are read', async () => {
  const good = { question: 'Q', responses: ['a'], judges: ['false'], ground_truth: ['b'] };
  const path = lines(
    '{"broken": ',
    '[1]',
    { a: { ...good, question: undefined } },
    { b: { ...good, judges: ['false', 'true'] } },
    { c: { ...good, judges: ['maybe'] } },
    { d: { ...good, judges: ['error'] } },
    { e: { ...good, judges: undefined } },
    { f: 7 },
    {},
    `{"big": "${'x'.repeat(1 << 21)}"}`,
    { g: good },
  );
  const { items, reasons } = await read(path, readSamples);
  assert.deepEqual(
    items.map(({ id }) => id),
    ['g'],
  );
  const patterns = [
    /^1 -: not valid JSON/,
    /^2 -: not a JSON object/,
    /^3 a: "question" is missing/,
    /^4 b: 1 responses, but 2 judges/,
    /^5 c: "judges.0": must be true, false, uncertain or error/,
    /^6 d: its judge failed/,
    /^7 e: "judges" is missing/,
    /^8 f: not an object/,
    /^9 -: an empty object/,
    /^10 -: longer than 1 MiB/,
  ];
  assert.equal(reasons.length, patterns.length, reasons.join('\n'));
  patterns.forEach((pattern, i) => {
    assert.match(reasons[i], pattern);
  });
});

test('answer tokens: with and without judge, published and flattened', async () => {
  const path = lines(
    {
      a: {
        question: `Q${REQUEST}`,
        response: 'It is X',
        tokenized_response: ['It', '▁is', '▁X'],
        answer_tokens: ['▁X'],
        judge: 'false',
      },
    },
    { id: 'b', question: 'Q', response: 'X', tokens: ['X'], answer_tokens: ['X'] },
    { c: { question: 'Q', response: 'X', answer_tokens: ['X'] } },
  );
  const { items, reasons } = await read(path, readAnswerTokens);
  assert.deepEqual(
    items.map(({ id, question, judge }) => [id, question, judge]),
    [
      ['a', 'Q', 'false'],
      ['b', 'Q', undefined],
    ],
  );
  assert.match(reasons[0], /^3 c: "tokenized_response" is missing/);
});

test('the answer is found by characters, whatever tokenizer wrote the tokens', () => {
  const at = (response: string, tokens: string[], answer: string[]) => {
    const span = locateAnswer(response, tokens, answer);
    return typeof span === 'string' ? span : response.slice(span.start, span.end);
  };
  assert.equal(
    at('The answer is Paris.', ['The', '▁answer', '▁is', '▁Par', 'is', '.'], ['▁Par', 'is']),
    'Paris',
  );
  // Byte-level BPE, as the vocabulary spells é (C3 A9), and as a decoder does.
  assert.equal(at('Café au lait', ['C', 'af', 'Ã©', 'Ġau', 'Ġlait'], ['af', 'Ã©']), 'afé');
  assert.equal(at('Café au lait', ['C', 'af', 'é', ' au', ' lait'], [' au']), 'au');
  // A character over several tokens: SentencePiece's bytes.
  assert.equal(
    at('a 🦜 b', ['a', '▁', '<0xF0>', '<0x9F>', '<0xA6>', '<0x9C>', '▁b'], ['<0x9F>', '<0xA6>']),
    '🦜',
  );
  // White space at the end is in no token; the run begins with the first that fits.
  assert.equal(at(' \n U.S. \n\n', ['U', '.', 'S', '.'], ['S', '.']), 'S.');
  assert.deepEqual(locateAnswer('no no', ['no', '▁no'], ['▁no']), { start: 3, end: 5 });
  assert.match(
    at('Peter, Susan', ['Peter', ',', '▁Susan'], ['Peter', '▁Susan']),
    /no run of the response tokens/,
  );
  assert.match(at('Paris', ['Lon', 'don'], ['don']), /do not spell the response/);
  assert.match(at('Paris, France', ['Paris'], ['Paris']), /do not spell the response/);
  assert.match(at('Paris', ['Paris'], []), /no answer tokens/);
  assert.deepEqual(findAnswer('It is Café.', ['ĠCaf', 'Ã©']), { start: 6, end: 10 });
  assert.match(String(findAnswer('Paris', ['Rome'])), /do not stand/);
});

test('ids are read as they are, and refused when they are something else', async () => {
  assert.deepEqual(
    [...(await readIds(save('{"t": ["tc_1", 7], "f": ["a%2Fb"]}', 'ids.json')))],
    [
      ['tc_1', 'true'],
      ['7', 'true'],
      ['a/b', 'false'],
    ],
  );
  await assert.rejects(readIds(save('{"t": ["x"], "f": ["x"]}', 'twice.json')), /"x" twice/);
  await assert.rejects(readIds(save('{"t": []}', 'half.json')), /needs \{"t"/);
  await assert.rejects(readIds(save('{', 'torn.json')), /not valid JSON/);
  await assert.rejects(readIds(join(folder, 'none.json')), /none\.json/);
});

test('qids can be file names, and give their id back', () => {
  for (const id of ['tc_1', 'first/sure/0', '..', '50%', 'a%2Fb', 'Ünï 🦜', "it's (1)*", '%', 'C:\\x']) {
    assert.equal(fromQid(toQid(id)), id);
    assert.match(toQid(id), /^[\w.%-]+$/);
  }
  assert.equal(toQid('odql_14971'), 'odql_14971');
  assert.equal(fromQid('100%'), '100%');
});

test('the request and the gap before a response come off and on again', () => {
  assert.equal(withoutRequest(`Who?${REQUEST} `), 'Who?');
  assert.equal(withoutRequest('Who?'), 'Who?');
  for (const text of [' Lima', '  Lima', '\nLima']) {
    assert.equal(behindPrompt(withoutGap(text, 'few-shot'), 'few-shot'), text);
  }
  assert.equal(behindPrompt('Lima', 'chat'), 'Lima');
  assert.equal(withoutGap(' Lima', 'chat'), ' Lima');
});

test('judged responses: labels as words, 0 and 1 only with their meaning, JSONL and CSV', async () => {
  const path = lines(
    { question: 'Q1', response: 'It is A', label: 'faithful', answer: 'A', aliases: ['A'], split: 'test' },
    { question: 'Q2', response: 'B', judge: false, answer_tokens: ['B'] },
    { question: 'Q3', response: 'C', label: 'perhaps' },
    { question: 'Q4', response: ' ', label: true },
    { question: 'Q5', response: 'D' },
    { question: 'Q6', response: 'D', label: true, split: 'both' },
  );
  const { items, reasons } = await read(path, (file, skip) => readJudged(file, undefined, skip));
  assert.deepEqual(
    items.map(({ id, verdict, answer, split }) => [id, verdict, answer, split]),
    [
      ['line-1', 'correct', 'A', 'test'],
      ['line-2', 'wrong', undefined, undefined],
    ],
  );
  assert.equal(reasons.length, 4);
  for (const pattern of [
    /label "perhaps" is not known/,
    /"response": is empty/,
    /"label" is missing/,
    /train or test/,
  ]) {
    assert.ok(
      reasons.some((reason) => pattern.test(reason)),
      String(pattern),
    );
  }

  const numbers = save('question,response,label,aliases\n"Q, 1",A,1,A|a\nQ2,B,0,\n', 'numbers.csv');
  await assert.rejects(
    readJudged(numbers, undefined, () => {}),
    /--label-1/,
  );
  const correct = await readJudged(numbers, 'correct', () => {});
  const hallucinated = await readJudged(numbers, 'hallucinated', () => {});
  assert.deepEqual(
    [correct, hallucinated].map((list) => list.map(({ verdict }) => verdict)),
    [
      ['correct', 'wrong'],
      ['wrong', 'correct'],
    ],
  );
  assert.deepEqual(correct[0].aliases, ['A', 'a']);
  assert.deepEqual(correct[1].aliases, []);
  await assert.rejects(
    readJudged(save('question,label\n', 'c.csv'), undefined, () => {}),
    /no column "response"/,
  );
  await assert.rejects(
    readJudged(save('question,response\n', 'd.csv'), undefined, () => {}),
    /"label" or "judge"/,
  );
});

test('the format follows from the content', async () => {
  const item = { question: 'Q', response: 'X' };
  mkdirSync(join(folder, 'acts'));
  const cases: [string, string][] = [
    [lines('{', { a: { question: 'Q', responses: [], judges: [] } }), 'samples'],
    [lines({ ...item, tokens: [], answer_tokens: [] }), 'answer-tokens'],
    [lines({ ...item, answer_tokens: [], judge: 'true' }), 'judged'],
    [lines({ ...item, label: 'true' }), 'judged'],
    [save('x', 'a.csv'), 'judged'],
    [save('{"t": [], "f": []}', 'q.json'), 'ids'],
    [save('x', 'c.pkl'), 'classifier'],
    [save('x', 'p.parquet'), 'judged'],
    [save(JSON.stringify([{ ...item, label: 'true' }]), 'list.json'), 'judged'],
    [join(folder, 'acts'), 'activations'],
  ];
  for (const [path, format] of cases) assert.equal(await detectFormat(path), format, path);
  await assert.rejects(detectFormat(lines({ text: 'x' })), /none of the formats/);
  await assert.rejects(detectFormat(save('')), /none of the formats/);
});
