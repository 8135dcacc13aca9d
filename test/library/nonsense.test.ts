import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Detector, find, Model, UserError } from 'hneurons';
import { nearest } from '../../src/library/check.js';
import { temporaryFolder } from '../support/temporary.js';
import { tinyPair } from './support.js';

/** What nobody can have meant is refused in one line, before anything is computed. */
const folder = temporaryFolder();
const paths = await tinyPair(folder);
const model = await Model.open(paths.model, { threads: 1, device: 'cpu', contextTokens: 256 });
after(() => model.close());
const detector = await Detector.load(paths.detector);

async function refused(call: () => Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /\n|undefined \(reading|\[object/);
    assert.match(error.message, pattern);
    return true;
  });
}

const QUESTION = 'What is it?';
// biome-ignore lint/suspicious/noExplicitAny: as from JavaScript, where no type is checked.
const any = (value: unknown): any => value;

test('answers: each option has its range, and a mistyped one is named', async () => {
  const cases: [options: object, pattern: RegExp][] = [
    [{ alpha: 9 }, /^answer: alpha must be a number from 0 to 3, not 9$/],
    [{ alpha: -1 }, /alpha/],
    [{ alpha: Number.NaN }, /alpha .* not NaN/],
    [{ alpha: '1' }, /alpha .* not '1'/],
    [{ alpha: null }, /alpha .* not null/],
    [{ temperature: -1 }, /temperature must be a number from 0 to 2, not -1/],
    [{ temperature: Number.POSITIVE_INFINITY }, /temperature/],
    [{ topK: 1.5 }, /topK/],
    [{ topP: 0 }, /topP/],
    [{ minP: 2 }, /minP/],
    [{ maxTokens: 0 }, /maxTokens must be a whole number of at least 1/],
    [{ maxtokens: 8 }, /^answer: unknown option 'maxtokens'; did you mean maxTokens\?$/],
    [{ max_tokens: 8 }, /did you mean maxTokens/],
    [{ temprature: 1 }, /did you mean temperature/],
    [{ colour: 1 }, /unknown option 'colour'; it takes detector, alpha, /],
    [{ stop: 'x' }, /stop must be a list/],
    [{ stop: [''] }, /stop/],
    [{ seed: 0.5 }, /seed/],
    [{ threshold: 7 }, /threshold must be a number from 0 to 1/],
    [{ promptStyle: 'shout' }, /promptStyle must be one of chat, few-shot, plain/],
    [{ neurons: [[0, 1]] }, /neurons must be a list of \{ layer, index \}/],
    [{ neurons: [{ layer: 0, index: 1e9 }], alpha: 0 }, /there is no neuron/],
    [{ detector: {} }, /detector must be a detector/],
    [{ detector: paths.detector }, /detector must be a detector/],
    [{ signal: {} }, /signal must be an AbortSignal/],
  ];
  for (const [options, pattern] of cases) await refused(() => model.answer(QUESTION, any(options)), pattern);
  await refused(() => model.stream(QUESTION, any([])), /options must be an object/);
  await refused(() => model.answer(QUESTION, any(null)), /options must be an object, not null/);
  for (const question of ['', ' ', 7, undefined, null, {}, [], [{ role: 'user' }], [{ content: 'x' }]]) {
    await refused(() => model.answer(any(question)), /^the question must be/);
  }
  await refused(() => model.answer([{ role: 'assistant', content: 'x' }]), /ends with a message of the user/);
  const { text } = await model.answer(QUESTION, { promptStyle: 'plain', alpha: undefined, maxTokens: 2 });
  assert.equal(typeof text, 'string');
});

test('scores: a list of questions with answers', async () => {
  const pairs = [{ question: 'x', answer: 'y' }];
  for (const given of [
    [{ question: 'x' }],
    [{}],
    [null],
    ['x'],
    'x',
    undefined,
    [{ question: 'x', answer: ' ' }],
  ]) {
    await refused(() => detector.score(model, any(given)), /^score: the answers must be a list of/);
  }
  await refused(() => detector.score(any(paths.model), pairs), /^score: the model must be a model/);
  await refused(() => detector.score(any(undefined), pairs), /the model/);
  await refused(() => detector.score(model, pairs, { threshold: -1 }), /threshold/);
  await refused(() => detector.score(model, pairs, any({ treshold: 0.5 })), /did you mean threshold/);
  assert.throws(() => detector.riskSettings({ threshold: 3 }), UserError);
  assert.deepEqual(await detector.score(model, []), []);
});

test('opening, loading, exporting and finding', async () => {
  for (const spec of ['', 7, null, {}])
    await refused(() => Model.open(any(spec)), /the model must be a text/);
  const open = (options: object) => () => Model.open(paths.model, any(options));
  await refused(open({ threads: 0 }), /^Model\.open: threads must be a whole number from 1 to 1024, not 0$/);
  await refused(open({ contextTokens: -1 }), /contextTokens/);
  await refused(open({ concurrency: 1e6 }), /concurrency/);
  await refused(open({ device: 'tpu' }), /device must be one of auto, cpu/);
  await refused(open({ thread: 1 }), /did you mean threads/);
  await refused(open({ onNotice: 'x' }), /onNotice must be a function/);
  for (const path of ['', undefined, 7])
    await refused(() => Detector.load(any(path)), /the path must be a text/);
  await refused(() => detector.export(any({})), /^export: as must be one of/);
  await refused(() => detector.export(any(undefined)), /the options must be an object/);
  await refused(() => detector.export(any({ as: 'zip', out: 'x' })), /as must be one of/);
  await refused(() => detector.export(any({ as: 'neurons' })), /out must be a text/);
  await refused(() => detector.export({ as: 'gguf-baked', out: 'x', model, alpha: Number.NaN }), /alpha/);
  await refused(() => find(any({ limt: 5 })), /^find: unknown option 'limt'; did you mean limit\?$/);
  await refused(() => find({ limit: 0 }), /limit must be a whole number of at least 1/);
  await refused(() => find(any({ stages: ['colect'] })), /stages must be a list of collect, extract/);
  await refused(() => find({ seed: 1.5 }), /seed/);
  await refused(
    () => find(any({ collect: { sampels: 3 } })),
    /collect must be an object with some of samples/,
  );
  await refused(() => find({ collect: { temperature: -1 } }), /collect/);
  await refused(() => find({ train: { grid: [Number.NaN] } }), /train/);
  await refused(() => find(any({ evaluate: 3 })), /evaluate/);
});

test('a name is suggested only if it is near', () => {
  assert.equal(nearest('MAXTOKENS', ['alpha', 'maxTokens']), 'maxTokens');
  assert.equal(nearest('alhpa', ['alpha', 'maxTokens']), 'alpha');
  assert.equal(nearest('xyz', ['alpha', 'maxTokens']), undefined);
});
