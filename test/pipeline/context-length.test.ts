import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promptStyle } from '../../src/engine/index.js';
import { exceedsContext } from '../../src/engine/text/length.js';
import { type Placed, tokenizeBatch } from '../../src/exchange/import-tokens.js';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import { loadCases } from '../../src/pipeline/extract-cases.js';
import { openSampler } from '../../src/pipeline/open-sampler.js';
import { requireFit } from '../../src/pipeline/read-plan.js';
import { retokenisedSequences } from '../../src/pipeline/retokenise.js';
import { sampleQuestions } from '../../src/pipeline/sample-questions.js';
import { scorePairs } from '../../src/pipeline/score.js';
import { makeCollectSettings } from '../../src/pipeline/settings.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';
import { scoreWritten } from '../../src/risk/score.js';
import { riskDetector } from '../risk/support.js';
import { openTiny, readAll, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeChoices, fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

/** A model computes noise behind the end of its context: nothing longer is read, scored or asked, and that is said. */
const CONTEXT = 96;
const root = temporaryFolder();
const { engine } = await openTiny(root, { architecture: 'llama', contextLength: CONTEXT });
const style = promptStyle(engine.model, 'plain', FEW_SHOT);
const TOO_MANY = /has 9[78] tokens, too many for the model's context of 96/;
/** More bytes than 96 tokens can stand for. */
const HUGE = 'word '.repeat(200_000);

test('the engine reads as many tokens as the context has, and no more', async () => {
  const { vocab } = engine.model;
  const [fits, long] = [CONTEXT, CONTEXT + 1].map((length) => someTokens(length, vocab, 1));
  const read = (tokens: number[]) => readAll(engine, [{ id: 'one', tokens, masks: [[[0, 5]]] }]);
  assert.equal((await read(fits)).length, 1);
  await expectUserError(() => read(long), /^Case one /, TOO_MANY);
  const asked = [{ at: 3, tokens: [1] }];
  assert.equal((await engine.logProbabilities([{ tokens: fits, asked }])).length, 1);
  await expectUserError(() => engine.logProbabilities([{ tokens: long, asked }]), TOO_MANY);
  assert.equal((await engine.logits(fits)).length, vocab);
  await expectUserError(() => engine.logits(long), TOO_MANY);
  const settings = { temperature: 0, topK: 0, topP: 1, minP: 0, maxTokens: 10, stop: [], seed: 1 };
  const sample = async (prompt: number[]) => {
    const requests = [{ id: 'q', prompt, samples: 1 }];
    let samples = 0;
    await engine.sample({
      settings,
      next: () => requests.shift(),
      onResult: (result) => {
        samples += result.samples.length;
      },
    });
    return samples;
  };
  assert.equal(await sample(fits.slice(10)), 1);
  await expectUserError(() => sample(fits.slice(9)), /^Question q: /, TOO_MANY);
  // The engine goes on.
  assert.equal((await read(fits)).length, 1);
});

test('a text that cannot fit is not tokenised', async () => {
  assert.equal(exceedsContext('é'.repeat(CONTEXT * 128), CONTEXT), false);
  assert.equal(exceedsContext('é'.repeat(CONTEXT * 128 + 1), CONTEXT), true);
  await expectUserError(
    () => engine.tokenize(['short', HUGE], style.tokenize),
    /has more than 96 tokens \(1000000 bytes\).*shorten or split it/,
  );
});

test('extract --cases names the line of a case that is too long', async () => {
  const path = join(root, 'cases.jsonl');
  const good = { token_ids: someTokens(CONTEXT, engine.model.vocab, 2), answer_start: 1, answer_end: 2 };
  const load = (...cases: object[]) => {
    writeFileSync(path, cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
    return loadCases(path, engine);
  };
  assert.equal((await load(good)).length, 1);
  const long = { ...good, token_ids: [...good.token_ids, 1] };
  await expectUserError(() => load(good, long), /cases\.jsonl, line 2: it has 97 tokens, too many/);
  const text = { prompt: 'Who? ', response: 'Ann', answer: 'Ann' };
  assert.equal((await load(good, text)).length, 2);
  for (const prompt of ['Who is it? '.repeat(20), HUGE]) {
    await expectUserError(
      () => load(text, good, { ...text, prompt }),
      /cases\.jsonl, line 3: its prompt with the response has .*too many for the model's context of 96/,
    );
  }
});

test('score names the pair, scoring of written answers the answer', async () => {
  const { name, architecture, layers, ffn } = engine.model;
  const neurons = [{ layer: 0, index: 5, weight: 3 }];
  const model = { name, sha256: 'x', architecture, layers, ffn };
  const detector = riskDetector({ promptStyle: 'plain', model, neurons });
  const good = { question: 'Who?', answer: 'Ann' };
  assert.equal((await scorePairs(engine, detector, [good])).length, 1);
  for (const answer of ['it is Ann '.repeat(30), HUGE]) {
    const pair = { question: 'Who?', answer, id: 'p7' };
    await expectUserError(
      () => scorePairs(engine, detector, [good, pair]),
      /^pair p7: .*too many for the model's context of 96/,
    );
    await expectUserError(
      () => scoreWritten(engine, { detector }, [{ prompt: 'Who? ', answer }], style.tokenize),
      /^answer 1 .*too many for the model's context of 96/,
    );
  }
});

test('imported responses that are too long are left out, with the reason', async () => {
  const question = (id: string, text: string): Placed => ({
    ...{ id, source: 'f', line: 1, question: 'Who?', aliases: ['Ann'], relation: 'r', group: id },
    ...{ split: 'train', class: 'faithful', samples: [{ text, verdict: 'correct', judge: 'rule' }] },
  });
  const texts = ['Ann', 'it is Ann '.repeat(30), HUGE];
  const made = await tokenizeBatch(
    engine,
    style,
    texts.map((text, i) => question(String(i), text)),
  );
  assert.ok(made[0].response);
  for (const { problem } of made.slice(1)) {
    assert.match(problem ?? '', /behind the prompt has .*too many for the model's context of 96/);
  }
  const items = texts.map((text, i) => ({ question: question(String(i), text), sample: { text } }));
  const read = await retokenisedSequences(engine, style, items);
  assert.deepEqual(
    read.map((one) => one !== undefined),
    [true, false, false],
  );
});

test('questions that are too long are left out and counted, also those with options', async () => {
  const short = fakeEngine();
  const model = { ...short, model: { ...short.model, contextLength: 1200 } };
  const [first, ...rest] = splitQuestions(fakeChoices(2, ['only']), 1);
  const long = { ...first, id: 'long', question: `${first.question} ${'really '.repeat(200)}` };
  const huge = { ...first, id: 'huge', question: HUGE };
  const questions = [long, first, huge, ...rest];
  const settings = makeCollectSettings({ promptStyle: 'few-shot', seed: 1, quota: null, maxTokens: 8 });
  const sampler = await openSampler({ engine: model, questions, settings, access: {}, onNotice() {} });
  const judging = { judge: ruleJudge(), spans: ruleSpans() };
  const path = join(root, 'choices.jsonl');
  const { responses } = await sampleQuestions({
    ...{ sampler, judging, questions, settings, path },
    onProgress() {},
  });
  for (const { id } of [long, huge]) {
    assert.equal(responses.get(id)?.class, 'failed');
    assert.match(
      responses.get(id)?.reason ?? '',
      /its prompt has .*too many for the model's context of 1200/,
    );
  }
  for (const { id } of [first, ...rest]) assert.equal(responses.get(id)?.samples.length, 1);
});

test('cases of a run that do not fit are named', async () => {
  const cases = [96, 97].map((length) => ({ id: `case-${length}`, token_ids: new Array(length).fill(0) }));
  requireFit(engine.model, cases.slice(0, 1));
  await expectUserError(() => requireFit(engine.model, cases), /^case case-97 has 97 tokens/);
});
