import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
// By the package's own name, as others import it.
import { Detector, find, Model } from 'hneurons';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { tinyPair } from './support.js';

const folder = temporaryFolder();
const paths = await tinyPair(folder);
const model = await Model.open(paths.model, { threads: 1, device: 'cpu', contextTokens: 256 });
after(() => model.close());
const detector = await Detector.load(paths.detector);
const QUESTION = 'What is it?';
const PLAIN = { promptStyle: 'plain' } as const;

test('a model says what it is, a detector what its neurons are', () => {
  assert.equal(model.info.architecture, 'llama');
  assert.equal(model.info.layers, 3);
  assert.equal(detector.neurons.length, 3);
  assert.deepEqual(
    detector.hNeurons.map(({ layer }) => layer),
    [0, 1],
  );
  assert.equal(detector.heldOut, undefined);
  assert.equal(detector.probability(0.25), 0.5);
});

test('a streamed answer is the whole one; its score is that of the same answer scored afterwards', async () => {
  const stream = await model.stream(QUESTION, { detector, maxTokens: 12 });
  const seen = [];
  for await (const token of stream) seen.push(token);
  const answer = await stream.answer;
  assert.deepEqual(seen, answer.tokens);
  assert.equal(seen.map(({ text }) => text).join(''), answer.text);
  assert.deepEqual(
    seen.map(({ risk }) => risk),
    answer.risk?.tokens.map(({ risk }) => risk),
  );
  assert.ok(answer.generatedTokens > 0 && answer.promptTokens > 0);
  const again = await model.answer(QUESTION, { detector, maxTokens: 12 });
  assert.equal(again.text, answer.text);
  const [scored] = await detector.score(model, [{ question: QUESTION, answer: answer.text }]);
  // Only where the tokenizer spells the text with the same tokens again.
  if (scored.tokens.length === answer.tokens.length) {
    assert.ok(Math.abs(scored.probability! - answer.risk!.probability!) < 1e-3);
  }
});

test('without a detector there is an answer without a risk', async () => {
  const stream = await model.stream([{ role: 'user', content: QUESTION }], { ...PLAIN, maxTokens: 4 });
  const texts = [];
  for await (const { text, risk } of stream) {
    texts.push(text);
    assert.equal(risk, undefined);
  }
  assert.equal((await stream.answer).risk, undefined);
  assert.equal(texts.join(''), (await stream.answer).text);
});

test('alpha changes what is written, for the H-Neurons or for those that are named', async () => {
  const text = async (options: Parameters<Model['answer']>[1]) =>
    (await model.answer(QUESTION, { ...PLAIN, maxTokens: 24, ...options })).text;
  const plain = await text({});
  assert.equal(await text({ detector }), plain);
  const strong = await text({ detector, alpha: 3 });
  const all = Array.from({ length: 96 }, (_, index) => ({ layer: 0, index }));
  assert.notEqual(await text({ neurons: all, alpha: 0 }), plain);
  assert.equal(await text({ neurons: detector.hNeurons, alpha: 3 }), strong);
  assert.equal((await model.answer(QUESTION, { detector, alpha: 3, maxTokens: 2 })).risk?.alpha, 3);
});

test('leaving a stream stops it; so does a signal; the next answer is as before', async () => {
  const stream = await model.stream(QUESTION, { detector, maxTokens: 100 });
  for await (const _ of stream) break;
  await assert.rejects(stream.answer, /left/);
  const controller = new AbortController();
  const other = await model.stream(QUESTION, { ...PLAIN, maxTokens: 100, signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(other.answer, /enough/);
  await assert.rejects(async () => {
    for await (const _ of other);
  }, /enough/);
  await assert.rejects(
    model.answer(QUESTION, { ...PLAIN, signal: AbortSignal.abort(new Error('before')) }),
    /before/,
  );
  assert.ok((await model.answer(QUESTION, { ...PLAIN, maxTokens: 3 })).text.length > 0);
});

test('answers with different detectors at the same time wait for each other', async () => {
  const twin = await Detector.load(paths.detector);
  const ask = (one?: Detector) => model.answer(QUESTION, { ...PLAIN, detector: one, maxTokens: 6 });
  const answers = await Promise.all([ask(detector), ask(twin), ask(detector), ask(), ask(twin)]);
  for (const { text } of answers) assert.equal(text, answers[0].text);
  // Another batch rounds otherwise.
  const scores = answers.map(({ risk }) => risk?.score ?? Number.NaN);
  for (const i of [1, 2, 4]) assert.ok(Math.abs(scores[i] - scores[0]) < 1e-4);
  assert.equal(answers[3].risk, undefined);
});

test('mistakes are one line', async () => {
  await expectUserError(() => model.answer(QUESTION, { alpha: 2 }), /alpha needs a detector/);
  await expectUserError(
    () => model.answer(QUESTION, { alpha: 2, neurons: [{ layer: 9, index: 0 }] }),
    /3 layers of 96/,
  );
  await expectUserError(() => model.answer('x '.repeat(400)), /contextTokens/);
  await expectUserError(() => model.answer([{ role: 'assistant', content: 'x' }]), /message of the user/);
  await expectUserError(() => Detector.load(join(folder, 'none.json')), /none\.json/);
  await expectUserError(
    () => detector.export({ as: 'gguf-baked', out: join(folder, 'x.gguf'), alpha: 2 }),
    /the model/,
  );
  await expectUserError(() => detector.export({ as: 'peft', out: join(folder, 'x'), model }), /an alpha/);
  await expectUserError(
    () => detector.export({ as: 'gguf-baked', out: paths.model, model, alpha: 2, force: true }),
    /made from/,
  );
  const elsewhere = join(folder, 'other');
  mkdirSync(elsewhere);
  const other = await Detector.load((await tinyPair(elsewhere, { seed: 9 })).detector);
  await expectUserError(
    () => other.score(model, [{ question: 'a', answer: 'b' }]),
    /another file of this shape/,
  );
});

test("a conversation that the model's own template refuses is a mistake like any other", async () => {
  const strict = join(folder, 'strict');
  mkdirSync(strict);
  const { model: path } = await tinyPair(strict, {
    chatTemplate:
      "{% for m in messages %}{% if m.role == 'assistant' %}{{ raise_exception('one turn only') }}{% endif %}{{ m.content }}{% endfor %}",
  });
  const chat = await Model.open(path, { threads: 1, device: 'cpu', contextTokens: 256 });
  try {
    const conversation = [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: QUESTION },
    ] as const;
    await expectUserError(() => chat.answer(conversation), /one turn only/);
    assert.ok((await chat.answer(QUESTION, { maxTokens: 2 })).text !== undefined);
  } finally {
    await chat.close();
  }
});

test('an exported adapter and list are there', async () => {
  const out = join(folder, 'adapter.gguf');
  assert.deepEqual(await detector.export({ as: 'gguf-lora', out, model }), [out]);
  assert.ok(existsSync(out));
  const files = await detector.export({ as: 'neurons', out: join(folder, 'neurons') });
  assert.ok(files.length === 2 && files.every(existsSync));
});

test('find asks every question into its folder, and says when there is too little to train on', async () => {
  const events: string[] = [];
  const run = async () => {
    events.length = 0;
    return find({
      model: paths.model,
      limit: 4,
      promptStyle: 'plain',
      threads: 1,
      device: 'cpu',
      out: join(folder, 'run'),
      stages: ['collect'],
      collect: { samples: 2, maxTokens: 3, quota: null },
      onEvent: (event) => events.push(event.type),
    });
  };
  // A random model is never right: there is nothing to train on, but every question has been asked.
  const first = await run().catch((error) => error);
  assert.match(String(first.message ?? ''), /faithful|hallucinated|samples/);
  assert.ok(existsSync(join(folder, 'run', 'responses.jsonl')));
  assert.ok(events.includes('start'));
});
