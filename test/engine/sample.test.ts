import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type {
  Sample,
  SampleRequest,
  SampleResult,
  SampleSettings,
  SampleStats,
} from '../../src/engine/index.js';
import { openTiny, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { forward } from '../support/forward.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const FREE: SampleSettings = { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: 2, stop: [], seed: 1 };

const { tiny, engine } = await openTiny(folder, { architecture: 'qwen2', sharpness: 3, contextLength: 8192 });

async function sampleAll(
  requests: SampleRequest[],
  settings: Partial<SampleSettings>,
  options: { prefix?: number[]; onSample?: (id: string, sample: Sample) => boolean | undefined } = {},
): Promise<{ results: SampleResult[]; stats: SampleStats }> {
  const results = new Map<string, SampleResult>();
  let next = 0;
  const stats = await engine.sample({
    settings: { ...FREE, ...settings },
    ...options,
    next: () => requests[next++],
    onResult: (result) => {
      assert.ok(!results.has(result.id), `${result.id} reported twice`);
      results.set(result.id, result);
    },
  });
  return { results: requests.map(({ id }) => results.get(id)!), stats };
}

/** p(next token | tokens), from the plain forward pass, by token id. */
function distribution(tokens: number[]): Float64Array {
  const { vocab } = tiny.config;
  const logits = forward(tiny, tokens).logits.subarray((tokens.length - 1) * vocab);
  const best = Math.max(...logits);
  const weights = Float64Array.from(logits, (x) => Math.exp(x - best));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/**
 * Chi-square of counts against expected probabilities, rare outcomes pooled; returns the z-score of the
 * Wilson-Hilferty approximation (above 4: p < 4e-5).
 */
function chiSquareZ(counts: Map<string, number>, expected: Map<string, number>, draws: number): number {
  let chi = 0;
  let cells = 0;
  let pooledCount = 0;
  let pooledExpected = 0;
  for (const [key, p] of expected) {
    const count = counts.get(key) ?? 0;
    if (p * draws < 8) {
      pooledCount += count;
      pooledExpected += p * draws;
    } else {
      chi += (count - p * draws) ** 2 / (p * draws);
      cells++;
    }
  }
  chi += (pooledCount - pooledExpected) ** 2 / Math.max(pooledExpected, 1e-9);
  const freedom = cells;
  const spread = 2 / (9 * freedom);
  return ((chi / freedom) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread);
}

describe('the token tree draws as independent runs would', () => {
  const prompt = [5, 40, 41, 42];

  it('joint distribution of two tokens (chi-square against exact probabilities)', async () => {
    const questions = 120;
    const each = 100;
    const requests = Array.from({ length: questions }, (_, i) => ({ id: `q${i}`, prompt, samples: each }));
    const { results, stats } = await sampleAll(requests, {});
    const counts = new Map<string, number>();
    for (const { samples } of results)
      for (const { tokens, finish } of samples) {
        const key = finish === 'end' ? `${tokens.join()}|` : tokens.join();
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    const expected = new Map<string, number>();
    const first = distribution(prompt);
    const endTokens = await endingTokens();
    first.forEach((p, a) => {
      if (endTokens.has(a)) {
        expected.set('|', (expected.get('|') ?? 0) + p);
        return;
      }
      const second = distribution([...prompt, a]);
      second.forEach((q, b) => {
        const key = endTokens.has(b) ? `${a}|` : `${a},${b}`;
        expected.set(key, (expected.get(key) ?? 0) + p * q);
      });
    });
    assert.ok(Math.abs([...expected.values()].reduce((s, p) => s + p, 0) - 1) < 1e-9);
    const z = chiSquareZ(counts, expected, questions * each);
    assert.ok(z < 4, `chi-square z-score ${z}`);
    assert.ok(stats.decodedRows < stats.sampledTokens / 2, 'samples with the same history share rows');
    assert.equal(stats.samples, questions * each);
  });

  it('samples of one question are independent of each other', async () => {
    const requests = Array.from({ length: 1500 }, (_, i) => ({ id: `pair${i}`, prompt, samples: 2 }));
    const { results } = await sampleAll(requests, { maxTokens: 1 });
    const p = distribution(prompt);
    const same = results.filter(({ samples: [a, b] }) => a.tokens.join() === b.tokens.join()).length;
    const endTokens = await endingTokens();
    const ended = [...endTokens].reduce((sum, token) => sum + p[token], 0);
    const chance = p.reduce((sum, q, token) => sum + (endTokens.has(token) ? 0 : q * q), ended * ended);
    const sd = Math.sqrt(results.length * chance * (1 - chance));
    assert.ok(
      Math.abs(same - results.length * chance) < 4 * sd,
      `${same} equal pairs, expected ${results.length * chance}`,
    );
  });

  it('log probability is that of the plain model, whatever the filters', async () => {
    const { results } = await sampleAll([{ id: 'a', prompt, samples: 20 }], {
      topK: 5,
      temperature: 0.7,
      maxTokens: 3,
    });
    for (const { tokens, logProbability, endLogProbability, finish } of results[0].samples) {
      assert.equal(endLogProbability! < 0, finish === 'end', 'what is behind the text is told apart');
      let want = 0;
      tokens.forEach((token, i) => {
        want += Math.log(distribution([...prompt, ...tokens.slice(0, i)])[token]);
      });
      const text = logProbability - endLogProbability!;
      assert.ok(Math.abs(text - want) < 2e-2, `${text} against ${want}`);
    }
  });
});

async function endingTokens(): Promise<Set<number>> {
  const texts = ['<|eos|>', '<|im_end|>'];
  const tokens = await engine.tokenize(texts, { special: true, bos: false });
  return new Set(tokens.map(([token]) => token));
}

const texts = (results: SampleResult[]) => results.map((r) => r.samples.map((s) => s.tokens.join()));

describe('seeds', () => {
  const requests = (ids: string[], samples = 6) =>
    ids.map((id, i) => ({ id, prompt: someTokens(3 + (i % 5), 250, i), samples }));

  it('same seed, same answers; other seed, other answers', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `q${i}`);
    const settings = { maxTokens: 6, topK: 40 };
    const first = texts((await sampleAll(requests(ids), settings)).results);
    assert.deepEqual(texts((await sampleAll(requests(ids), settings)).results), first);
    assert.notDeepEqual(texts((await sampleAll(requests(ids), { ...settings, seed: 2 })).results), first);
  });

  it('a prompt that shares a part of a prefix longer than the sliding window is sampled as without it', async () => {
    const { engine: sliding } = await openTiny(folder, { architecture: 'gemma3', sharpness: 8 });
    const { vocab } = sliding.model;
    // Windows are of 8 tokens here.
    const prefix = someTokens(60, vocab, 1);
    // Many in turn, so that llama.cpp comes back to the cells at the beginning.
    const requests = Array.from({ length: 50 }, (_, i) => ({
      id: `r${i}`,
      prompt: [...prefix.slice(0, [60, 60, 20, 35, 50][i % 5]), ...someTokens(12, vocab, 10 + i)],
      samples: 3,
    }));
    const answers = async (known: number[]) => {
      const found = new Map<string, string[]>();
      let next = 0;
      await sliding.sample({
        settings: { ...FREE, temperature: 0, maxTokens: 8 },
        prefix: known,
        next: () => requests[next++],
        onResult: ({ id, samples }) =>
          found.set(
            id,
            samples.map(({ text }) => text),
          ),
      });
      return [...found].sort(([a], [b]) => a.localeCompare(b));
    };
    assert.deepEqual(await answers(prefix), await answers([]));
  });

  it('batching changes nothing: alone, in company, fewer samples, shared prefix', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `q${i}`);
    const all = requests(ids);
    const settings = { maxTokens: 5, topK: 30 };
    const together = texts((await sampleAll(all, settings)).results);
    const alone = texts((await sampleAll([all[17]], settings)).results)[0];
    assert.deepEqual(alone, together[17]);
    const fewer = texts((await sampleAll([{ ...all[17], samples: 2 }], settings)).results)[0];
    assert.deepEqual(fewer, together[17].slice(0, 2));
    const prefixed = texts(
      (await sampleAll(all, settings, { prefix: [...(all[17].prompt as number[])].slice(0, 2) })).results,
    );
    assert.deepEqual(prefixed, together);
  });
});

describe('settings', () => {
  const prompt = [1, 2, 3];

  it('greedy takes the most likely token each time', async () => {
    const { results } = await sampleAll([{ id: 'g', prompt, samples: 3 }], { temperature: 0, maxTokens: 6 });
    const tokens = results[0].samples[0].tokens;
    for (let i = 0; i < tokens.length; i++) {
      const p = distribution([...prompt, ...tokens.slice(0, i)]);
      assert.equal(tokens[i], p.indexOf(Math.max(...p)));
    }
    assert.equal(new Set(results[0].samples.map((s) => s.tokens.join())).size, 1);
  });

  it('stop strings end a sample, wherever token borders lie', async () => {
    const requests = Array.from({ length: 30 }, (_, i) => ({ id: `s${i}`, prompt, samples: 10 }));
    const free = await sampleAll(requests, { maxTokens: 12 });
    const text = free.results.flatMap((r) => r.samples.map((s) => s.text)).find((t) => /^[ -~]{3,}/.test(t))!;
    const stop = text.slice(1, 3);
    const stopped = await sampleAll(requests, { maxTokens: 12, stop: [stop] });
    let hits = 0;
    let diverged = 0;
    free.results.forEach((question, q) => {
      question.samples.forEach((before, i) => {
        const after = stopped.results[q].samples[i];
        const at = before.text.indexOf(stop);
        const want = at < 0 ? before.text : before.text.slice(0, at);
        if (after.text !== want) {
          // Another batch rounds otherwise; a draw on the very edge between two tokens may then fall differently.
          diverged++;
          return;
        }
        if (at < 0) return;
        hits++;
        assert.equal(after.finish, 'stop');
        assert.ok(after.tokens.length < before.tokens.length || at + stop.length >= before.text.length);
      });
    });
    assert.ok(hits > 0 && diverged <= 3, `${hits} hits, ${diverged} diverged`);
  });

  it('alpha applies while sampling; alpha 1 is the plain model, token for token', async () => {
    const neurons = Array.from({ length: 60 }, (_, i) => i * 4);
    const requests = [{ id: 'a', prompt, samples: 20 }];
    const plain = await sampleAll(requests, { maxTokens: 8 });
    const one = await sampleAll(requests, { maxTokens: 8, steering: { neurons, alpha: 1 } });
    assert.deepEqual(one.results, plain.results);
    const three = await sampleAll(requests, {
      temperature: 0,
      maxTokens: 1,
      steering: { neurons, alpha: 3 },
    });
    const { vocab } = tiny.config;
    const logits = forward(tiny, prompt, { steering: { neurons, alpha: 3 } }).logits.subarray(2 * vocab);
    assert.equal(three.results[0].samples[0].tokens[0], logits.indexOf(Math.max(...logits)));
  });
});

describe('many questions', () => {
  it('a question stops when the callback says so, and the others go on', async () => {
    const requests = Array.from({ length: 50 }, (_, i) => ({ id: `q${i}`, prompt: [1, 2, i], samples: 10 }));
    const settings = { maxTokens: 12, topK: 50, stop: [...'abcdefghijklmnopqrstuvwxyz'] };
    const whole = await sampleAll(requests, settings);
    const seen = new Map<string, number>();
    const { results, stats } = await sampleAll(requests, settings, {
      onSample: (id) => {
        seen.set(id, (seen.get(id) ?? 0) + 1);
        return Number(id.slice(1)) % 2 === 0;
      },
    });
    const even = (all: SampleResult[]) => texts(all.filter((_, i) => i % 2 === 0)).flat();
    const wanted = even(whole.results);
    // Smaller batches round otherwise; of 250 samples a few may draw on the very edge between two tokens.
    const differing = even(results).filter((text, i) => text !== wanted[i]).length;
    assert.ok(even(results).length === wanted.length && differing <= 3, `${differing} samples differ`);
    results.forEach((result, i) => {
      if (i % 2 === 1) assert.ok(result.samples.length >= 1 && result.samples.length === seen.get(result.id));
    });
    assert.ok(results.some((r) => r.stopped));
    assert.ok(stats.decodedRows < whole.stats.decodedRows);
  });

  it('an error in a callback ends the job with that error, and the engine works on', async () => {
    const requests = [{ id: 'a', prompt: [1], samples: 2 }];
    await assert.rejects(
      sampleAll(
        requests,
        {},
        {
          onSample: () => {
            throw new Error('mine');
          },
        },
      ),
      /^Error: mine$/,
    );
    assert.equal((await sampleAll(requests, {})).results[0].samples.length, 2);
  });

  it('no question, and more samples than can run at once', async () => {
    assert.equal((await sampleAll([], {})).stats.samples, 0);
    await expectUserError(
      () => sampleAll([{ id: 'big', prompt: [1], samples: 1000 }], {}),
      /lower --samples/,
    );
    await expectUserError(
      () => sampleAll([{ id: 'long', prompt: [1], samples: 100 }], { maxTokens: 5000 }),
      /Question long needs/,
    );
  });
});

describe('a consumer that does not keep up', () => {
  const requests = Array.from({ length: 60 }, (_, i) => ({
    id: `q${i}`,
    prompt: someTokens(4 + (i % 3), engine.model.vocab, i),
    samples: 10,
  }));

  /** Samples while at most `most` results lie about, of which one is taken away now and then. */
  async function sampleHeldBack(most: number) {
    const results: SampleResult[] = [];
    let lying = 0;
    let pulledFull = 0;
    let next = 0;
    await engine.sample({
      settings: { ...FREE, maxTokens: 4 },
      ready: async () => {
        while (lying >= most) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          lying--;
        }
      },
      next: () => {
        if (lying >= most) pulledFull++;
        return requests[next++];
      },
      onResult: (result) => {
        lying++;
        results.push(result);
      },
    });
    return { results, pulledFull };
  }

  it('is waited for, and gets the same samples', async () => {
    const { results: plain } = await sampleAll(requests, { maxTokens: 4 });
    const { results, pulledFull } = await sampleHeldBack(3);
    assert.equal(pulledFull, 0);
    const byId = new Map(results.map((result) => [result.id, result]));
    for (const { id, samples } of plain) {
      assert.deepEqual(
        byId.get(id)!.samples.map(({ tokens }) => tokens),
        samples.map(({ tokens }) => tokens),
      );
    }
  });

  it('ends the job by failing', async () => {
    const failing = engine.sample({
      settings: FREE,
      ready: () => Promise.reject(new Error('the judge is gone')),
      next: () => requests[0],
      onResult: () => {},
    });
    await assert.rejects(failing, /^Error: the judge is gone$/);
    assert.equal((await sampleAll(requests.slice(0, 2), {})).results.length, 2, 'the engine goes on');
  });
});
