import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine } from '../../src/engine/index.js';
import { rowOf } from '../../src/learn/matrix.js';
import type { Case } from '../../src/pipeline/cases.js';
import { contextsOf } from '../../src/pipeline/explain/contexts.js';
import { meansOf } from '../../src/pipeline/explain/means.js';
import { readDrives } from '../../src/pipeline/explain/peaks.js';
import { readableToken } from '../../src/pipeline/explain/token-text.js';
import { openRows, writePlan } from '../../src/pipeline/feature-file.js';
import { gather, placesOf } from '../../src/pipeline/gather.js';
import { casePlan } from '../../src/pipeline/read-plan.js';
import { openTiny, readAll } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';

/** Real reads of a tiny model, over cases whose tokens are known. */
const folder = temporaryFolder();
const { engine, tiny } = await openTiny(folder, { architecture: 'gemma3', layers: 2, hidden: 32, ffn: 64 });
const columns = tiny.config.layers * tiny.config.ffn;
const NEURONS = [3, 70, 127];
const cases = await someCases(14);

async function someCases(count: number): Promise<Case[]> {
  const list: Case[] = [];
  for (let i = 0; i < count; i++) {
    const question = `Which is the ${'very '.repeat(i % 3)}thing number ${i}?`;
    const [head, asked, response] = [`Question: `, question, ` thing ${i}é`];
    const [a, b, c] = await engine.tokenize([head, head + asked, `${head + asked}\nAnswer:${response}`], {
      special: false,
      bos: true,
    });
    const [whole] = await engine.tokenize([`${head + asked}\nAnswer:`], { special: false, bos: true });
    list.push({
      id: `case/${i}`,
      group: `group ${Math.floor(i / 2)}`,
      split: i % 4 === 0 ? 'train' : 'test',
      relation: 'thing',
      class: i % 2 === 0 ? 'faithful' : 'hallucinated',
      question,
      aliases: ['x'],
      response,
      answer: response.trim(),
      token_ids: [...c],
      response_start: whole.length,
      answer_start: whole.length + 1,
      answer_end: c.length,
      question_start: i === 5 ? null : a.length,
      question_end: i === 5 ? null : b.length,
      token_texts: [],
      distinct_answers: 1,
      mean_log_probability: -1,
    });
  }
  return list;
}

const read = (path: string, over: Engine = engine, key = 'k', neurons = NEURONS) =>
  readDrives({ engine: over, neurons, cases, key, path: join(folder, path), onProgress: () => {} });

test('what drives a neuron: its highest token in question and response, and its sum over the answer', async () => {
  const drives = await read('drives.jsonl');
  const raws = await readAll(
    engine,
    cases.map(({ id, token_ids }) => ({ id, tokens: token_ids, masks: [] })),
    { neurons: NEURONS },
  );
  cases.forEach((one, i) => {
    const cett = (at: number, n: number) => raws[i].raw![at * NEURONS.length + n];
    NEURONS.forEach((_, n) => {
      const counts = one.token_ids
        .map((_, at) => at)
        .filter(
          (at) =>
            at >= one.response_start ||
            (one.question_start !== null && at >= one.question_start && at < one.question_end!),
        );
      const best = counts.reduce((top, at) => (cett(at, n) > cett(top, n) ? at : top));
      assert.equal(drives[i][n].at, best);
      assert.ok(Math.abs(Math.abs(drives[i][n].peak) - cett(best, n)) < 1e-5);
    });
  });
});

test('the sums agree with the features that the detector was trained on', async () => {
  const path = join(folder, 'features.safetensors');
  await writePlan(
    engine,
    casePlan(cases, { question: true, residual: false }),
    { path, donePath: join(folder, 'done.jsonl'), type: 'float32', metadata: {} },
    () => {},
  );
  const { answer, other } = await openRows(path, cases.length, { answer: columns, other: columns });
  const gathered = await gather(answer, NEURONS);
  const places = placesOf(gathered, NEURONS);
  const drives = await read('drives.jsonl');
  cases.forEach((one, i) => {
    NEURONS.forEach((_, n) => {
      const mean = drives[i][n].sum / (one.answer_end - one.answer_start);
      assert.ok(Math.abs(mean - rowOf(gathered.values, i)[places[n]]) < 1e-5);
      assert.ok(Math.abs(drives[i][n].signed) <= drives[i][n].sum + 1e-6);
    });
  });

  const means = await meansOf({ cases, answer, other }, NEURONS, 1);
  NEURONS.forEach((_, n) => {
    for (const kind of ['faithful', 'hallucinated'] as const) {
      const values = cases.flatMap((one, i) =>
        one.class === kind ? [drives[i][n].sum / (one.answer_end - one.answer_start)] : [],
      );
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const { estimate, low, high } = means[n][kind]!;
      assert.ok(Math.abs(estimate - mean) < 1e-5, `${kind}: ${estimate} for ${mean}`);
      assert.ok(low < estimate && estimate < high);
    }
    assert.ok(means[n].other!.estimate > 0);
  });
  const faithful = cases.map((one) => ({ ...one, class: 'faithful' as const }));
  const [first] = await meansOf({ cases: faithful, answer, other }, NEURONS, 1);
  assert.equal(first.hallucinated, null);
});

test('reading goes on where it was cut off, and knows fewer neurons already', async () => {
  const path = join(folder, 'cut.jsonl');
  const whole = await read('cut.jsonl');
  const lines = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, `${lines.slice(0, 9).join('\n')}\n${lines[9].slice(0, 20)}`);
  let asked = 0;
  const counting: Engine = {
    ...engine,
    read: (job) =>
      engine.read({
        ...job,
        next: () => {
          const next = job.next();
          if (next) asked++;
          return next;
        },
      }),
  };
  const again = await read('cut.jsonl', counting);
  assert.equal(asked, cases.length - 9);
  again.forEach((row, i) => {
    row.forEach((drive, n) => {
      assert.equal(drive.at, whole[i][n].at);
      assert.ok(Math.abs(drive.peak - whole[i][n].peak) < 1e-5);
    });
  });
  asked = 0;
  appendFileSync(path, '{"key":"k","id":"case/0","drives":"hostile"}\n');
  await read('cut.jsonl', counting);
  const [, , last] = again[4];
  assert.deepEqual((await read('cut.jsonl', counting, 'k', [127, 3]))[4], [last, again[4][0]]);
  assert.equal(asked, 0);
  await read('cut.jsonl', counting, 'other');
  assert.equal(asked, cases.length);
});

test('contexts are ranked by the peak, with the token marked in its text', async () => {
  const drives = await read('drives.jsonl');
  const own = drives.map((row) => row[1]);
  const { most, least } = await contextsOf(engine, cases, own, 3);
  const peaks = own.map(({ peak }) => Math.abs(peak)).sort((a, b) => b - a);
  const cetts = (list: { cett: number }[]) => list.map(({ cett }) => cett);
  assert.deepEqual(cetts(most), peaks.slice(0, 3));
  assert.deepEqual(cetts(least), peaks.slice(-3).reverse());
  for (const { id, before, marked, after, question, where } of [...most, ...least]) {
    const one = cases.find((other) => other.id === id)!;
    const whole = `${question}\nAnswer:${one.response}`;
    assert.ok(one.question_start === null || before.length >= 90 || whole.startsWith(before), before);
    assert.ok(whole.includes(marked) && marked.length > 0);
    assert.ok(whole.endsWith(after) || after.endsWith('…'));
    assert.equal(where, own[cases.indexOf(one)].at >= one.response_start ? 'response' : 'question');
  }
  const few = await contextsOf(engine, cases.slice(0, 3), own.slice(0, 3), 3);
  assert.deepEqual([few.most.length, few.least.length], [2, 1]);
});

test('tokens are readable, whatever their bytes', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.equal(readableToken(bytes(' Paris')), '␣Paris');
  assert.equal(readableToken(bytes('\n\n\t')), '↵↵⇥');
  assert.equal(readableToken(Uint8Array.of(0xe2, 0x82)), '<0xE2><0x82>');
  assert.equal(readableToken(bytes('\u202Ex\u001b')), '<U+202E>x<U+001B>');
  assert.equal(readableToken(new Uint8Array()), '<empty>');
});
