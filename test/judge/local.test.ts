import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine, SampleJob } from '../../src/engine/index.js';
import { makeChooser } from '../../src/judge/local/choose.js';
import { openJudge, openSpanExtractor } from '../../src/judge/open.js';
import type { JudgeItem } from '../../src/judge/types.js';
import { UNCERTAINTY_MARKERS } from '../../src/judge/uncertainty.js';
import { openTiny } from '../support/engines.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let folders = 0;

const item = (response: string): JudgeItem => ({
  question: 'What is the capital of Peru?',
  aliases: ['Lima'],
  response,
});

/** Lends an engine, which the test goes on using, and counts what it is asked. */
function lent(engine: Engine) {
  const calls = { sample: 0, logits: 0 };
  const counted: Engine = {
    ...engine,
    sample: (job) => {
      calls.sample++;
      return engine.sample(job);
    },
    logits: (tokens) => {
      calls.logits++;
      return engine.logits(tokens);
    },
    close: async () => {},
  };
  const cache = join(root, `cache-${folders++}`);
  const access = { cache, openLocal: async () => ({ engine: counted, name: 'tiny', sha256: 'abc' }) };
  return { calls, access };
}

const LOCAL = { kind: 'local', model: 'tiny' } as const;

/** A fake engine that says `say(prompt, seed)`. */
function talking(say: (prompt: string, seed: number) => string): Engine {
  const engine = fakeEngine();
  return {
    ...engine,
    model: { ...engine.model, contextLength: 4096 },
    async sample(job: SampleJob) {
      for (let request = job.next(); request; request = job.next()) {
        const prompt = await engine.detokenize(Array.from(request.prompt).filter((token) => token < 256));
        const text = say(prompt, job.settings.seed);
        const sample = { index: 0, tokens: [], text, finish: 'stop' as const, logProbability: 0 };
        job.onResult({ id: request.id, samples: [sample], stopped: false });
      }
      return { questions: 0, samples: 0, sampledTokens: 0, decodedRows: 0, promptRows: 0 };
    },
  };
}

test('a tiny model with nothing to say still gives well-formed verdicts, those of its own logits', async () => {
  for (const chatTemplate of [
    undefined,
    '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n',
  ]) {
    const { engine } = await openTiny(root, {
      architecture: 'llama',
      layers: 1,
      contextLength: 4096,
      chatTemplate,
    });
    const { calls, access } = lent(engine);
    const items = ['Lima', 'Quito', 'lima, of course', 'La Paz', "I don't know"].map(item);
    const judge = await openJudge(LOCAL, UNCERTAINTY_MARKERS, access);
    const judgements = await judge.judge(items);
    assert.equal(judgements[4].verdict, 'uncertain');
    for (const { verdict, judge: name, promptVersion, raw } of judgements.slice(0, 4)) {
      assert.equal(name, 'local:tiny');
      assert.equal(promptVersion, 'local-verdict-1');
      const [, yes, no] = /\[log p: true (.*), false (.*)\]$/.exec(raw!)!;
      assert.equal(verdict, Number(yes) > Number(no) ? 'correct' : 'wrong');
    }
    assert.equal(calls.logits, 4);
    await judge.close();

    const later = await openJudge(LOCAL, UNCERTAINTY_MARKERS, access);
    assert.deepEqual(await later.judge(items), judgements);
    assert.deepEqual([calls.sample, calls.logits], [1, 4], 'all from the cache');
    assert.equal(later.counts().cached, 4);
    await later.close();
    assert.equal(readdirSync(access.cache).length, 1);
  }
});

test('the words compared are all spellings of their first tokens', async () => {
  const { engine } = await openTiny(root, { architecture: 'llama', layers: 1 });
  const [prompt] = await engine.tokenize(['Correct:'], { special: false, bos: true });
  const { logProbabilities } = await makeChooser(engine, ['true', 'false']);
  const logits = await engine.logits(prompt);
  const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
  // The tiny tokenizer spells letter by letter, capitals as bytes; " true" begins with a bare space, as " false" does.
  const firsts = async (texts: string[]) =>
    (await engine.tokenize(texts, { special: false, bos: false })).map((tokens) => tokens[0]);
  const sum = (tokens: number[]) =>
    Math.log(tokens.reduce((all, token) => all + Math.exp(logits[token]), 0) / total);
  const [yes, no] = await logProbabilities(prompt);
  assert.ok(Math.abs(yes - sum(await firsts(['true', 'True']))) < 1e-5);
  assert.ok(Math.abs(no - sum(await firsts(['false', 'False']))) < 1e-5);
});

test('a model that says one of the words is taken at it', async () => {
  const engine = talking((prompt) => (/Response: Lima\n.*$/.test(prompt) ? ' True.' : ' false\n'));
  const { calls, access } = lent(engine);
  const judge = await openJudge(LOCAL, [], access);
  const judgements = await judge.judge([item('Lima'), item('Quito')]);
  assert.deepEqual(
    judgements.map(({ verdict, raw }) => [verdict, raw]),
    [
      ['correct', ' True.'],
      ['wrong', ' false\n'],
    ],
  );
  assert.equal(calls.logits, 0);
  await judge.close();
});

test('an item that is too long for the model is left out, the others are not', async () => {
  const { engine } = await openTiny(root, { architecture: 'llama', layers: 1, contextLength: 4096 });
  const judge = await openJudge(LOCAL, [], lent(engine).access);
  const judgements = await judge.judge([item('Lima'), item('x'.repeat(5000)), item('Quito')]);
  assert.equal(judgements[1].verdict, 'failed');
  assert.ok(judgements[0].verdict !== 'failed' && judgements[2].verdict !== 'failed');
  assert.deepEqual(judge.counts(), { asked: 2, cached: 0, nonsense: 0, failed: 1 });
  await judge.close();
});

test('spans: a substring is found, another answer is asked for where there is none', async () => {
  const engine = talking((prompt, seed) => {
    if (prompt.endsWith('Response: Sorry\nAnswer:')) return ' None.';
    if (prompt.endsWith('Response: it is Cuzco\nAnswer:')) return seed === 0 ? ' Lima' : ' Cuzco';
    return prompt.endsWith('Response: Quito\nAnswer:') ? ' Lima' : ' Lima.';
  });
  const finder = await openSpanExtractor(LOCAL, lent(engine).access);
  const items = ['It is Lima', 'Sorry', 'it is Cuzco', 'Quito'].map(item);
  const spans = await finder.spans(items);
  assert.deepEqual(
    spans.map((span, i) => span && items[i].response.slice(span.start, span.end)),
    ['Lima', undefined, 'Cuzco', undefined],
  );
  assert.deepEqual(finder.counts(), { asked: 7, cached: 0, nonsense: 4, failed: 1 });
  await finder.close();
});
