import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../src/errors.js';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import type { Judge, JudgeItem, Judgement, SpanExtractor } from '../../src/judge/types.js';
import type { Judging } from '../../src/pipeline/judging.js';
import { openSampler } from '../../src/pipeline/open-sampler.js';
import { sampleQuestions } from '../../src/pipeline/sample-questions.js';
import { type CollectSettings, makeCollectSettings } from '../../src/pipeline/settings.js';
import { type SplitQuestion, splitQuestions } from '../../src/pipeline/split.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeEngine, fakeQuestions } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

/** Judges that take their time: nothing but the waiting and the failing may make a difference. */
const root = temporaryFolder();
const questions = splitQuestions(fakeQuestions(40), 1);
let runs = 0;

interface Slow extends Judge {
  calls: (readonly JudgeItem[])[];
  peak: number;
}

/** The rule, but late; `verdict` puts something else in its place. */
function slowJudge(
  verdict: (item: JudgeItem) => Promise<Judgement['verdict'] | undefined> | undefined = () => undefined,
): Slow {
  const rule = ruleJudge();
  let open = 0;
  const judge: Slow = {
    name: 'slow',
    calls: [],
    peak: 0,
    async judge(items) {
      judge.calls.push(items);
      judge.peak = Math.max(judge.peak, ++open);
      await sleep(2);
      const judged = await rule.judge(items);
      const given = await Promise.all(items.map((item) => verdict(item)));
      open--;
      return judged.map((one, i) => ({
        verdict: given[i] ?? one.verdict,
        judge: 'slow@test',
        promptVersion: 'v1',
        raw: `{"correct": ${one.verdict === 'correct'}}`,
      }));
    },
  };
  return judge;
}

async function collect(
  judging: Judging,
  options: {
    asked?: SplitQuestion[];
    path?: string;
    engine?: ReturnType<typeof fakeEngine>;
  } & Partial<CollectSettings> = {},
) {
  const {
    asked = questions,
    path = join(root, `responses-${runs++}.jsonl`),
    engine = fakeEngine(),
    ...overrides
  } = options;
  const settings = makeCollectSettings({ promptStyle: 'few-shot', seed: 1, quota: 12, ...overrides });
  const sampler = await openSampler({ engine, questions: asked, settings, access: {}, onNotice() {} });
  const sampled = await sampleQuestions({
    sampler,
    judging,
    questions: asked,
    settings,
    path,
    onProgress() {},
  });
  return { ...sampled, path };
}

const rule: Judging = { judge: ruleJudge(), spans: ruleSpans() };

test('a judge that takes its time takes the same questions as one that answers at once', async () => {
  const judge = slowJudge();
  const [fast, slow] = [await collect(rule), await collect({ judge, spans: ruleSpans() })];
  assert.deepEqual(slow.tracker.taken(), fast.tracker.taken());
  for (const index of slow.tracker.taken()) {
    const { id } = questions[index];
    const [a, b] = [fast.responses.get(id)!, slow.responses.get(id)!];
    assert.equal(b.class, a.class);
    assert.deepEqual(
      b.samples.map(({ judge: _, promptVersion, raw, ...sample }) => sample),
      a.samples,
    );
    for (const { judge: name, promptVersion, raw } of b.samples) {
      assert.deepEqual([name, promptVersion], ['slow@test', 'v1']);
      assert.match(raw!, /^\{"correct": /);
    }
  }
  assert.equal(judge.peak, 2, 'calls overlap');
  // Of each question every text once, whatever shares its call.
  for (const items of judge.calls) {
    const keys = items.map(({ question, response }) => `${question}\n${response}`);
    assert.equal(new Set(keys).size, keys.length);
  }
});

test('sampling waits for a judge that does not keep up', async () => {
  const held: (() => void)[] = [];
  let release = false;
  const judge = slowJudge(() =>
    release ? undefined : new Promise((done) => held.push(() => done(undefined))),
  );
  let drawn = 0;
  const plain = fakeEngine();
  const engine = {
    ...plain,
    sample: (job: Parameters<typeof plain.sample>[0]) =>
      plain.sample({
        ...job,
        onResult: (result) => {
          drawn++;
          job.onResult(result);
        },
      }),
  };
  const run = collect({ judge, spans: ruleSpans() }, { engine, quota: null });
  while (drawn < 60) await sleep(5);
  await sleep(50);
  assert.ok(drawn <= 70, `${drawn} questions drawn ahead`);
  release = true;
  for (const done of held) done();
  const { responses } = await run;
  assert.equal(responses.size, questions.length);
});

test('a judge without a usable answer drops the question, for good', async () => {
  const unlucky = /number [37] of/;
  const judge = slowJudge(({ question }) => (unlucky.test(question) ? Promise.resolve('failed') : undefined));
  const asked = questions.slice(0, 120);
  const { responses, path } = await collect({ judge, spans: ruleSpans() }, { asked, quota: null });
  for (const question of asked) {
    const { class: kind, reason, samples } = responses.get(question.id)!;
    assert.equal(kind === 'failed', unlucky.test(question.question));
    assert.equal(reason, kind === 'failed' ? 'the judge gave no usable answer' : undefined);
    assert.ok(samples.length > 0, 'what was said is kept');
  }
  const again = slowJudge();
  await collect({ judge: again, spans: ruleSpans() }, { asked, quota: null, path });
  assert.equal(again.calls.length, 0);
});

test('a judge that cannot be reached ends the run in one line; the same run goes on to the same end', async () => {
  const clean = await collect({ judge: slowJudge(), spans: ruleSpans() });
  let left = 4;
  const judge = slowJudge(() => {
    if (left-- > 0) return undefined;
    throw new UserError('judge.example cannot be reached');
  });
  const path = join(root, 'broken.jsonl');
  await expectUserError(
    () => collect({ judge, spans: ruleSpans() }, { path }),
    /^judge\.example cannot be reached$/,
  );
  const kept = readFileSync(path, 'utf8');
  // What a killed process leaves: half a line.
  writeFileSync(path, kept.slice(0, -20));
  const resumed = await collect({ judge: slowJudge(), spans: ruleSpans() }, { path });
  assert.deepEqual(resumed.tracker.taken(), clean.tracker.taken());
});

test('about what does not exist a rule decides, and no judge is asked', async () => {
  const asked: SplitQuestion[] = questions
    .slice(0, 90)
    .map((question) => ({ ...question, aliases: [], kind: 'fabricated' }));
  const plain = fakeEngine();
  const engine = {
    ...plain,
    sample: (job: Parameters<typeof plain.sample>[0]) =>
      plain.sample({
        ...job,
        onSample: (id, sample) =>
          job.onSample?.(id, id.includes('/sure/') ? { ...sample, text: " I don't know" } : sample),
        onResult: (result) => {
          const says = (text: string) => (result.id.includes('/sure/') ? " I don't know" : text);
          job.onResult({
            ...result,
            samples: result.samples.map((one) => ({ ...one, text: says(one.text) })),
          });
        },
      }),
  };
  const judge = slowJudge();
  const { responses } = await collect({ judge, spans: ruleSpans() }, { asked, engine, quota: null });
  assert.equal(judge.calls.length, 0);
  for (const [id, { class: kind }] of responses) {
    assert.equal(kind, id.includes('/sure/') ? 'faithful' : 'hallucinated');
  }
});

test('a span extractor that finds no answer leaves the question out, and none is asked without need', async () => {
  const asked = questions.slice(0, 120);
  const seen: string[] = [];
  const spans: SpanExtractor = {
    name: 'slow',
    async spans(items) {
      await sleep(1);
      return items.map(({ question, response }) => {
        seen.push(question);
        return /number 5 of/.test(question) ? undefined : { start: 1, end: response.length };
      });
    },
  };
  const { responses } = await collect({ judge: ruleJudge(), spans }, { asked, quota: null });
  const plain = await collect(rule, { asked, quota: null });
  for (const { id, question } of asked) {
    const expected = plain.responses.get(id)!.class;
    const classed = expected === 'faithful' || expected === 'hallucinated';
    const none = classed && /number 5 of/.test(question);
    assert.equal(responses.get(id)!.class, none ? 'uncertain' : expected);
    assert.equal(seen.includes(question), classed);
  }
});
