import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promptStyle } from '../../src/engine/index.js';
import { scorePairs } from '../../src/pipeline/score.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';
import { answerRisk, riskVerdict } from '../../src/risk/answer.js';
import { scoreWritten } from '../../src/risk/score.js';
import { riskStream } from '../../src/risk/stream.js';
import { openTiny } from '../support/engines.js';
import { fakeEngine } from '../support/fake-engine.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { riskDetector } from './support.js';

const folder = temporaryFolder();
const detector = riskDetector();
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const close = (actual: number, expected: number, what = '') =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${what}: ${actual}, not ${expected}`);

/** CETT of two neurons at each of `count` tokens. */
function someCett(count: number): Float32Array {
  const random = seededRandom(3);
  return Float32Array.from({ length: 2 * count }, () => random());
}

test('the score of the answer, a sentence and a span is that of the mean CETT over their tokens', () => {
  const texts = ['The', ' capital', ' of', ' Peru', ' is', ' Li', 'ma', '.', ' It', ' is', ' big', '.'];
  const cett = someCett(texts.length);
  const risk = answerRisk({ detector, threshold: 0.6, alpha: 0.5 }, { text: texts.join(''), texts, cett });
  const score = (tokens: number[]) => {
    const mean = (j: number) => tokens.reduce((sum, at) => sum + cett[2 * at + j], 0) / tokens.length;
    return -0.25 + 1.5 * mean(0) - 0.75 * mean(1);
  };
  const probability = (tokens: number[]) => sigmoid(2 * score(tokens) - 0.5);
  close(risk.score!, score([5, 6]), 'answer');
  close(risk.probability!, probability([5, 6]));
  assert.deepEqual(risk.answerSpan, { start: 23, end: 27, text: 'Lima' });
  assert.equal(risk.threshold, 0.6);
  assert.equal(risk.alpha, 0.5);
  assert.deepEqual(
    risk.tokens.map(({ answer }) => answer),
    texts.map((_, at) => at === 5 || at === 6),
  );
  risk.tokens.forEach((token, at) => {
    assert.equal(token.text, texts[at]);
    close(token.risk, probability([at]), `token ${at}`);
    assert.ok(!('cett' in token));
  });
  assert.deepEqual(
    risk.sentences.map(({ text }) => text),
    ['The capital of Peru is Lima.', 'It is big.'],
  );
  close(risk.sentences[0].risk, probability([0, 1, 2, 3, 4, 5, 6, 7]));
  close(risk.sentences[1].risk, probability([8, 9, 10, 11]));
  const spans = new Map(risk.spans.map((span) => [span.text, span.risk]));
  close(spans.get('Peru')!, probability([3]));
  close(spans.get('Lima')!, probability([5, 6]));
  assert.ok(risk.spans[0].risk >= risk.spans[1].risk, 'the riskiest first');
});

test('nothing to score: no number, verdict uncertain, and the tokens still have their risk', () => {
  for (const texts of [[], ['...'], [' ', '\n']]) {
    const risk = answerRisk({ detector }, { text: texts.join(''), texts, cett: someCett(texts.length) });
    assert.deepEqual(
      [risk.score, risk.probability, risk.interval, risk.answerSpan, risk.verdict],
      [null, null, null, null, 'uncertain'],
    );
    assert.deepEqual([risk.sentences, risk.spans], [[], []]);
    assert.equal(risk.tokens.length, texts.length);
  }
});

test('the verdict is uncertain while the interval holds the threshold', () => {
  assert.equal(riskVerdict(0.6, [0.45, 0.7], 0.5), 'uncertain');
  assert.equal(riskVerdict(0.6, [0.55, 0.7], 0.5), 'hallucinated');
  assert.equal(riskVerdict(0.3, [0.2, 0.45], 0.5), 'faithful');
  assert.equal(riskVerdict(0.3, [0.2, 0.45], 0.25), 'uncertain');
  assert.equal(riskVerdict(0.5, [0.5, 0.7], 0.5), 'hallucinated');
});

test('a detector without neurons, and CETT that does not fit the tokens', () => {
  const risk = answerRisk(
    { detector: riskDetector({ neurons: [] }) },
    { text: 'Lima', texts: ['Lima'], cett: [] },
  );
  close(risk.score!, -0.25);
  assert.throws(() => answerRisk({ detector }, { text: 'Lima', texts: ['Lima'], cett: [1] }), RangeError);
});

test('a stream says what the whole answer says, token by token, with the CETT that was asked for', () => {
  // The second and third token share a character.
  const texts = [' K', '', 'ø', 'benhavn', '', '', '東京'];
  const cett = someCett(texts.length);
  const settings = { detector, shown: [1] };
  const stream = riskStream(settings);
  const streamed = texts.map((text, at) => {
    stream.token(text);
    return stream.cett(at, cett.subarray(2 * at, 2 * at + 2));
  });
  const whole = answerRisk(settings, { text: texts.join(''), texts, cett });
  assert.deepEqual(stream.finish(), whole);
  assert.deepEqual(
    streamed,
    whole.tokens.map(({ text, risk, cett }, index) => ({ index, text, risk, cett })),
  );
  assert.deepEqual(
    whole.tokens.map(({ cett }) => cett),
    texts.map((_, at) => [cett[2 * at + 1]]),
  );
  // Every token that has a byte of the answer counts, also those that add no character of their own.
  assert.ok(whole.tokens.every(({ answer }) => answer));
});

test('a token of which only white space was left out is no part of the answer, as hneurons score has it', () => {
  // " 28" is three tokens of Gemma's; " Lima" is one, which keeps its place.
  for (const [texts, leftOut, first] of [
    [['', '2', '8'], [1, 0, 0], 1],
    [['', '', 'Lima', '.'], [1, 2, 1, 0], 2],
    [['', 'ø'], [0, 0], 0],
  ] as const) {
    const cett = someCett(texts.length);
    const stream = riskStream({ detector });
    texts.forEach((text, at) => {
      stream.token(text, leftOut[at]);
      stream.cett(at, cett.subarray(2 * at, 2 * at + 2));
    });
    const { tokens, score } = stream.finish();
    const inside = tokens.map(({ answer }, at) => (answer ? at : -1)).filter((at) => at >= 0);
    assert.equal(inside[0], first);
    const mean = (j: number) => inside.reduce((sum, at) => sum + cett[2 * at + j], 0) / inside.length;
    close(score!, -0.25 + 1.5 * mean(0) - 0.75 * mean(1));
  }
});

test('a stream that was cut off is scored as far as its CETT came; rows out of order are refused', () => {
  const stream = riskStream({ detector });
  for (const text of ['Li', 'ma', ' city']) stream.token(text);
  const cett = someCett(3);
  stream.cett(0, cett.subarray(0, 2));
  assert.throws(() => stream.cett(2, cett.subarray(4)), RangeError);
  stream.cett(1, cett.subarray(2, 4));
  const risk = stream.finish();
  assert.equal(risk.answerSpan?.text, 'Lima');
  assert.equal(risk.tokens.length, 2);
  const long = riskStream({ detector });
  for (let at = 0; at < 500; at++) {
    long.token('x');
    long.cett(at, cett.subarray(0, 2));
  }
  close(long.finish().tokens[499].risk, long.finish().tokens[0].risk);
});

test('written answers get the numbers of hneurons score, on the fake and on a real engine', async () => {
  const { engine } = await openTiny(folder, { architecture: 'llama' });
  const { name, architecture, layers, ffn } = engine.model;
  const tiny = riskDetector({
    promptStyle: 'plain',
    model: { name, sha256: 'x', architecture, layers, ffn },
    neurons: [
      { layer: 0, index: 5, weight: 3 },
      { layer: 2, index: 90, weight: -2 },
    ],
  });
  const answers = ['Lima', ' It is København, I think.', 'The answer is "東京".', '\u{1F1F5}\u{1F1EA}!'];
  for (const [model, made] of [
    [fakeEngine(), detector],
    [engine, tiny],
  ] as const) {
    const style = promptStyle(model.model, made.promptStyle, FEW_SHOT);
    const pairs = answers.map((answer) => ({ question: 'What is the capital?', answer }));
    const expected = await scorePairs(model, made, pairs);
    const got = await scoreWritten(
      model,
      { detector: made },
      await Promise.all(
        pairs.map(async ({ question, answer }) => ({ prompt: await style.text(question), answer })),
      ),
      style.tokenize,
    );
    got.forEach((risk, i) => {
      assert.equal(risk?.score, expected[i].score);
      assert.equal(risk.probability, expected[i].probability);
      assert.deepEqual(
        risk.tokens.map(({ risk }) => risk),
        expected[i].tokens.map(({ risk }) => risk),
      );
      assert.deepEqual(
        risk.tokens.map(({ answer }) => answer),
        expected[i].tokens.map(({ answer }) => answer),
      );
      assert.equal(risk.tokens.map(({ text }) => text).join(''), answers[i]);
    });
  }
  const nothing = await scoreWritten(engine, { detector: tiny }, [{ prompt: 'Q:', answer: '' }], {
    special: false,
    bos: true,
  });
  assert.equal(nothing[0]?.verdict, 'uncertain');
  assert.deepEqual(await scoreWritten(engine, { detector: tiny }, [], { special: false, bos: true }), []);
});

test('nothing in a thought is scored; a response that ends inside one has no score, and says why', () => {
  const risk = (text: string, opensThought = false) => {
    const texts = text.match(/\s*\S+/g) ?? [];
    return answerRisk(
      { detector, opensThought },
      { text, texts, cett: new Float32Array(texts.length * detector.neurons.length).fill(0.1) },
    );
  };
  const closed = risk('<think> Lima or Cusco in 1535? </think> It is Cusco.');
  assert.equal(closed.answerSpan?.text, 'Cusco');
  assert.deepEqual(
    closed.spans.map(({ text }) => text),
    ['Cusco'],
  );
  assert.deepEqual(
    closed.sentences.map(({ text }) => text),
    ['It is Cusco.'],
  );
  assert.equal(closed.reason, undefined);
  for (const open of [risk('<think> Lima or Cusco?'), risk('Lima or Cusco?', true)]) {
    assert.equal(open.score, null);
    assert.equal(open.probability, null);
    assert.equal(open.verdict, 'uncertain');
    assert.equal(open.reason, 'unfinished_thought');
    assert.deepEqual([...open.spans, ...open.sentences], []);
  }
  assert.equal(risk('Lima or Cusco? </think> Lima', true).answerSpan?.text, 'Lima');
});
