import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine } from '../../src/engine/index.js';
import { LETTER_RULE, readLetter } from '../../src/judge/letter.js';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import { choiceStyle } from '../../src/pipeline/choice-prompt.js';
import { runStages } from '../../src/pipeline/find.js';
import { fingerprint } from '../../src/pipeline/fingerprint.js';
import { openSampler } from '../../src/pipeline/open-sampler.js';
import { readAnswers } from '../../src/pipeline/read-answers.js';
import { sampleQuestions } from '../../src/pipeline/sample-questions.js';
import { type CollectSettings, makeCollectSettings } from '../../src/pipeline/settings.js';
import { type SplitQuestion, splitQuestions } from '../../src/pipeline/split.js';
import type { Question } from '../../src/questions/types.js';
import { openTiny } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeChoices, fakeEngine, fakeQuestions } from '../support/fake-engine.js';
import { fakeSettings, openFakeRun } from '../support/fake-run.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const judging = { judge: ruleJudge(), spans: ruleSpans() };
let runs = 0;

async function collect(engine: Engine, questions: SplitQuestion[], overrides: Partial<CollectSettings> = {}) {
  const settings = makeCollectSettings({ promptStyle: 'few-shot', seed: 1, quota: null, ...overrides });
  const onNotice = () => {};
  const sampler = await openSampler({ engine, questions, settings, access: {}, onNotice });
  const path = join(root, `responses-${runs++}.jsonl`);
  const sampled = await sampleQuestions({ sampler, judging, questions, settings, path, onProgress() {} });
  return { ...sampled, sampler };
}

test('the letter is read from where a model puts it, and from nowhere else', () => {
  const cases: [string, string | undefined][] = [
    [' B', 'B'],
    ['B.', 'B'],
    ['**C**', 'C'],
    ['(D) Paris', 'D'],
    ['B) Paris', 'B'],
    ['C: the largest one', 'C'],
    ['A\nBecause …', 'A'],
    ['A. Paris', 'A'],
    ['B Paris', 'B'],
    ['The answer is B.', 'B'],
    ['The correct answer is (C) Lima', 'C'],
    ['Answer: D', 'D'],
    ['I believe the correct option is **A**.', 'A'],
    ['That would be (B), as said.', 'B'],
    ['c', 'C'],
    ['(b)', 'B'],
    ['b) Paris', 'B'],
    ['option a', 'A'],
    ['The answer is c.', 'C'],
    ['I would choose option C because it is said', 'C'],
    ['I would choose option A because it is said', 'A'],
    ['Not option B, but option C', 'C'],
    ['I choose A because it is said', 'A'],
    ['The answer is B as the passage says', 'B'],
    ['I think it is B', 'B'],
    ['B is the correct answer', 'B'],
    ['A because it is said', 'A'],
    ['A is a letter', undefined],
    ['B or C', undefined],
    ['It is A dog', undefined],
    ['a dog', undefined],
    ['I think so', undefined],
    ['It is I', undefined],
    ['e.g. this', undefined],
    ['A dog is the best friend', undefined],
    ['The answer is a dog', undefined],
    ['Paris', undefined],
    ['Apple', undefined],
    ["D'Artagnan", undefined],
    ['F', undefined],
    ['', undefined],
    ['I do not know', undefined],
    ['B2 is a vitamin', undefined],
  ];
  for (const [text, letter] of cases) {
    const read = readLetter(text, 4);
    assert.equal(read?.letter, letter, text);
    if (read) assert.equal(text.slice(read.start, read.end).toUpperCase(), letter, text);
  }
});

test('with nine options I is a letter, and still mostly a pronoun', () => {
  for (const [text, letter] of [
    ['I', 'I'],
    ['The answer is I.', 'I'],
    ['option I as', 'I'],
    ['I think so', undefined],
    ['I choose I think', undefined],
  ] as const)
    assert.equal(readLetter(text, 9)?.letter, letter, text);
});

test('on llama.cpp: the letters’ log-probabilities, the greedy answer, and the tokens that are read', async () => {
  const { engine } = await openTiny(root, { architecture: 'llama', layers: 2, hidden: 32, ffn: 64, seed: 3 });
  const questions = splitQuestions(
    Array.from({ length: 70 }, (_, i): Question => {
      const options = Array.from({ length: 2 + (i % 3) }, (_, k) => `thing ${i * 7 + k}`);
      return {
        id: `q${i}`,
        question: `Which thing is ${i * 31}?`,
        options,
        kind: 'choice',
        aliases: ['B'],
        relation: 'r',
      };
    }),
    1,
  );
  const { responses, sampler } = await collect(engine, questions, { promptStyle: 'plain', maxTokens: 6 });
  assert.equal(responses.size, 70);
  const style = choiceStyle(engine.model, 'plain');
  for (const at of [0, 5, 33, 63, 64, 69]) {
    const question = questions[at];
    const { samples, stopped } = responses.get(question.id)!;
    assert.equal(stopped, false);
    assert.equal(samples.length, 1);
    const [sample] = samples;
    const { choice } = sample;
    const asked = await style.text(question);
    const [prompt, ...all] = await engine.tokenize(
      [asked, ...question.options!.map((_, i) => `${asked} ${'ABCD'[i]}`)],
      style.tokenize,
    );
    const head = all[0].slice(0, -1);
    const logits = await engine.logits(head);
    const best = Math.max(...logits);
    const total = best + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - best), 0));
    const expected = all.map((tokens) => logits[tokens.at(-1)!] - total);
    expected.forEach((value, i) => {
      assert.ok(Math.abs(choice!.logProbabilities[i] - value) < 2e-3, `${at} ${i}`);
    });
    assert.equal(choice!.logProbabilities.length, question.options!.length);
    const top = expected.indexOf(Math.max(...expected));
    assert.equal(choice!.logits, 'ABCD'[top]);
    assert.equal(sample.text, ` ${'ABCD'[top]}`);
    assert.equal(sample.verdict, top === 1 ? 'correct' : 'wrong');
    // The greedy answer, drawn by hand, token by token.
    const said: number[] = [];
    for (let tokens = Array.from(prompt); said.length < 3; ) {
      const next = (await engine.logits(tokens)).reduce((a, value, i, list) => (value > list[a] ? i : a), 0);
      tokens = [...tokens, next];
      said.push(next);
    }
    const text = await engine.detokenize(said);
    const greedy = choice!.greedyText;
    assert.ok(greedy.length < 3 || greedy.startsWith(text.split('\n')[0].slice(0, 3)), `${greedy} ${text}`);

    const [read] = await readAnswers(sampler, judging.spans, [{ question, sample }]);
    assert.deepEqual(read!.token_ids, Array.from(all[top]));
    assert.equal(read!.answer, 'ABCD'[top]);
    // The one token of the letter, and the last of all.
    assert.deepEqual([read!.answer_start, read!.answer_end], [all[top].length - 1, all[top].length]);
  }
});

test('which reading counts is a setting; what has no letter is left out', async () => {
  const plain = fakeEngine();
  const engine: Engine = {
    ...plain,
    // Chosen by the logits as ever, but said in other words now and then.
    sample: (job) =>
      plain.sample({
        ...job,
        onResult: (result) => {
          const [sample] = result.samples;
          const text = result.id.endsWith('/0') ? ' I cannot say' : ` The answer is D`;
          job.onResult({ ...result, samples: [{ ...sample, text, tokens: [...Buffer.from(text)] }] });
        },
      }),
  };
  const questions = splitQuestions(fakeChoices(4, ['first']), 1);
  const byLogits = await collect(engine, questions);
  const byWords = await collect(engine, questions, { choice: 'greedy' });
  for (const question of questions) {
    const { class: kind, samples } = byLogits.responses.get(question.id)!;
    if (question.id.includes('/sure/')) assert.equal(kind, 'faithful');
    if (question.id.includes('/lost/')) assert.equal(kind, 'hallucinated');
    const silent = question.id.endsWith('/0');
    assert.equal(samples[0].choice!.greedy, silent ? null : 'D');
    assert.match(samples[0].text, /^ [A-D]$/);

    const other = byWords.responses.get(question.id)!;
    assert.deepEqual(other.samples[0].choice, samples[0].choice, 'both readings are kept either way');
    const right = question.aliases[0] === 'D';
    assert.equal(other.class, silent ? 'uncertain' : right ? 'faithful' : 'hallucinated');
    if (silent) continue;
    const [read] = await readAnswers(byWords.sampler, judging.spans, [
      { question, sample: other.samples[0] },
    ]);
    assert.equal(read!.response, ' The answer is D');
    assert.equal(Buffer.from(read!.token_ids.slice(read!.answer_start, read!.answer_end)).toString(), 'D');
  }
});

test('open questions and questions with options in one set, with a quota', async () => {
  const all = [...fakeQuestions(60, ['first', 'second']), ...fakeChoices(60, ['third', 'fourth'])];
  const questions = splitQuestions(all, 1);
  const jobs: number[] = [];
  const engine = fakeEngine({ onJob: () => jobs.push(1) });
  const { responses, tracker } = await collect(engine, questions, { quota: 20 });
  assert.equal(tracker.matchedOf('train'), 20);
  assert.equal(tracker.matchedOf('test'), 20);
  const kinds = new Map(questions.map(({ id, kind }) => [id, kind]));
  const taken = tracker.taken().map((index) => questions[index]);
  assert.ok(taken.some(({ kind }) => kind === 'choice') && taken.some(({ kind }) => kind === undefined));
  for (const { id, samples, stopped } of responses.values()) {
    assert.equal(
      samples.length > 0 && samples.every(({ choice }) => choice !== undefined),
      kinds.get(id) === 'choice',
    );
    if (!stopped && kinds.get(id) !== 'choice') assert.equal(samples.length, 10);
  }
  assert.ok(responses.size < questions.length, 'it ends with the quota');
});

test('a tokenizer that joins letters to the prompt is refused in one line', async () => {
  const plain = fakeEngine();
  const joined: Engine = {
    ...plain,
    tokenize: async (texts, options) =>
      (await plain.tokenize(texts, options)).map((tokens) =>
        tokens.at(-1)! >= 65 && tokens.at(-1)! <= 68 ? tokens.slice(0, -1) : tokens,
      ),
  };
  const questions = splitQuestions(fakeChoices(1), 1);
  await expectUserError(() => collect(joined, questions), /multiple choice cannot be read/);
});

test('verdicts on said letters are not kept when letters are read otherwise; those on log-probabilities are', async () => {
  const start = async (folder: string, choice: 'greedy' | undefined, letters: number | undefined) => {
    const notes: string[] = [];
    const context = await openFakeRun(folder, fakeEngine(), (event) => {
      if (event.type === 'note') notes.push(event.message);
    });
    const done = context.folder.manifest.stages.collect;
    // As a run of another version left it.
    if (done) {
      const { letters: _, ...settings } = done.settings;
      done.settings = letters === undefined ? settings : { ...settings, letters };
      const { fingerprint: __, settings: kept, inputs, after } = done;
      done.fingerprint = fingerprint({ stage: 'collect', settings: kept, inputs, after });
    }
    const settings = fakeSettings();
    settings.collect = { ...settings.collect, ...(choice && { choice }) };
    await runStages(context, ['collect'], settings);
    await context.close();
    return notes.filter((note) => /letters/.test(note)).length;
  };
  const [said, likely] = [join(root, 'said'), join(root, 'likely')];
  assert.equal(await start(said, 'greedy', undefined), 0);
  assert.equal(await start(said, 'greedy', LETTER_RULE), 0, 'the same reading');
  assert.equal(await start(said, 'greedy', undefined), 1, 'a run from before there was a version');
  assert.equal(await start(said, 'greedy', LETTER_RULE - 1), 1);
  assert.equal(await start(likely, undefined, undefined), 0);
  assert.equal(await start(likely, undefined, undefined), 0);
});
