import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LiveRequest, openEngine, type Steering } from '../../src/engine/index.js';
import { UserError } from '../../src/errors.js';
import { nativeProcesses, openTiny, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { eachAlone, GREEDY, generate, type Heard, idsOf, readAnswer, textOf } from '../support/live.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const LAYERS = 3;
const FFN = 96;
/** In the first and in the last layer too; the layer between is not watched at all. */
const WATCHED = [2 * FFN + 5, 0, 7, 3 * FFN - 1];
const STEERED = [3, FFN + 5, FFN + 17, 2 * FFN + 40, LAYERS * FFN - 1];

function assertClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(got.length, want.length, what);
  for (let i = 0; i < got.length; i++)
    assert.ok(
      Math.abs(got[i] - want[i]) <= tolerance * Math.max(1, Math.abs(want[i])),
      `${what}: ${got[i]} for ${want[i]}`,
    );
}

function assertSame(got: Heard, want: Heard, tolerance: number, what: string): void {
  assert.equal(got.error, undefined, what);
  assert.deepEqual(idsOf(got), idsOf(want), what);
  assert.equal(textOf(got), textOf(want), what);
  assert.equal(got.end!.finish, want.end!.finish, what);
  assertClose(
    got.tokens.map((one) => one.logProbability),
    want.tokens.map((one) => one.logProbability),
    // log p is from a table: a hair more or less of a logit may be a step of it.
    Math.max(1e-3, 20 * tolerance),
    what,
  );
}

/** Requests of many kinds: steered and not, greedy and drawn, short prompts and long ones, with and without a score. */
function manyRequests(vocab: number): LiveRequest[] {
  const steerings: (Steering | undefined)[] = [
    undefined,
    { neurons: STEERED, alpha: 0 },
    { neurons: STEERED, alpha: 3 },
    { neurons: STEERED.slice(0, 2), alpha: 3 },
  ];
  return Array.from({ length: 8 }, (_, i) => ({
    id: `r${i}`,
    stream: `s${i % 5}`,
    prompt: [...someTokens(20, vocab, 3), ...someTokens(i % 3 === 0 ? 150 : 2 + i, vocab, 100 + i)],
    settings: {
      ...GREEDY,
      temperature: i % 2,
      topP: i % 4 === 1 ? 0.8 : 1,
      maxTokens: 3 + (i % 4) * 3,
      seed: i % 3,
    },
    steering: steerings[i % steerings.length],
    score: i % 5 !== 0,
    top: i % 3,
  }));
}

describe('equal requests give equal answers whatever runs beside them, and the CETT that read gives', () => {
  for (const architecture of ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'] as const)
    it(architecture, async () => {
      const { engine, tiny } = await openTiny(folder, { architecture });
      const options = { watch: WATCHED, concurrency: 5, contextTokens: 512 };
      // Where GELU is rounded to float16, a value may fall to either side, and a draw with it.
      const exact = architecture === 'llama' || architecture === 'qwen2';
      const tolerance = exact ? 1e-5 : 5e-3;
      const requests = manyRequests(tiny.config.vocab);
      const alone = await eachAlone(engine, options, requests);
      const session = await engine.live(options);
      const together = await Promise.all(requests.map((request) => generate(session, request)));
      // Once more: now the prompts are found in the cache.
      const again = await Promise.all(requests.map((request) => generate(session, request)));
      assert.equal(session.active, 0);
      await session.close();
      for (const [i, request] of requests.entries()) {
        if (exact) {
          assertSame(together[i], alone[i], tolerance, `${request.id} beside others`);
          assertSame(again[i], alone[i], tolerance, `${request.id} from the cache`);
        }
        for (const heard of [alone[i], together[i], again[i]]) {
          assert.equal(heard.cett.length, request.score ? heard.tokens.length : 0);
          if (!request.score) continue;
          const want = await readAnswer(engine, request.prompt, idsOf(heard), WATCHED, request.steering);
          for (const [t, cett] of heard.cett.entries())
            assertClose(cett, want[t], tolerance, `${architecture} ${request.id} token ${t}`);
        }
      }
      // gemma3's windows here are of 8 tokens: what a longer sequence began with may be torn there.
      const longest = Math.max(...again.map(({ end }) => end!.cachedTokens));
      assert.ok(architecture === 'gemma3' ? longest < 100 : longest > 100, `${longest} tokens found again`);
    });
});

describe('text', () => {
  it('stop strings end an answer wherever token borders lie, and nothing of them is told', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const options = { watch: WATCHED, concurrency: 4, contextTokens: 128 };
    const base = {
      stream: 's',
      prompt: someTokens(9, tiny.config.vocab, 4),
      score: true,
      settings: { ...GREEDY, temperature: 1, maxTokens: 30, seed: 5 },
    };
    const session = await engine.live(options);
    const whole = await generate(session, { ...base, id: 'whole' });
    const text = textOf(whole);
    const bytes = Buffer.concat(await engine.pieces(idsOf(whole)));
    assert.equal(text, bytes.toString('utf8'), 'joined texts are the bytes of the tokens');
    assert.ok(text.length > 12, text);
    for (let from = 1; from + 4 < text.length; from += 3)
      for (const size of [1, 4]) {
        const stop = text.slice(from, from + size);
        if (stop.includes('\uFFFD')) continue;
        const heard = await generate(session, {
          ...base,
          id: `${from}`,
          settings: { ...base.settings, stop: [stop, 'never to be seen'] },
        });
        const want = Buffer.from(text).subarray(0, Buffer.from(text).indexOf(stop)).toString();
        assert.equal(textOf(heard), want, `stop ${JSON.stringify(stop)}`);
        assert.equal(heard.end!.finish, 'stop');
        assert.equal(heard.cett.length, heard.tokens.length, 'every told token is scored, and no other');
        assert.deepEqual(idsOf(heard), idsOf(whole).slice(0, heard.tokens.length));
      }
    await session.close();
  });

  it('is told token by token: text, then CETT of each, then the end', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const session = await engine.live({ watch: WATCHED, concurrency: 1, contextTokens: 64 });
    const heard = await generate(session, {
      id: 'a',
      stream: 's',
      prompt: someTokens(5, tiny.config.vocab, 4),
      score: true,
      settings: { ...GREEDY, maxTokens: 4 },
    });
    await session.close();
    for (const { index } of heard.tokens)
      assert.ok(heard.order.indexOf(`t${index}`) < heard.order.indexOf(`c${index}`), heard.order.join());
    assert.equal(heard.order.at(-1), 'end');
    assert.ok(heard.order.indexOf('c0') < heard.order.indexOf('t2'), 'CETT comes as it is known');
    assert.deepEqual(heard.end, {
      finish: 'length',
      promptTokens: 5,
      cachedTokens: 0,
      generatedTokens: heard.tokens.length,
    });
  });
});

it('likely tokens are those of the logits, most likely first', async () => {
  const { engine, tiny } = await openTiny(folder, { architecture: 'qwen2' });
  const prompt = someTokens(9, tiny.config.vocab, 4);
  const session = await engine.live({ concurrency: 1, contextTokens: 64 });
  const settings = { ...GREEDY, temperature: 1, topK: 5, maxTokens: 1 };
  const heard = await generate(session, { id: 'a', stream: 's', prompt, settings, top: 3 });
  await session.close();
  const logits = await engine.logits(prompt);
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
  const { top, token, logProbability } = heard.tokens[0];
  assert.deepEqual(
    top!.map((one) => one.token),
    order.slice(0, 3),
  );
  for (const one of [...top!, { token, logProbability }])
    assert.ok(Math.abs(one.logProbability - (logits[one.token] - total)) < 5e-3);
  assert.ok(order.slice(0, 5).includes(token));
});

describe('coming and going', () => {
  it('more requests than may run all end; their answers are those of requests alone', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const { vocab } = tiny.config;
    const options = { watch: WATCHED, concurrency: 3, contextTokens: 100 };
    const requests: LiveRequest[] = Array.from({ length: 10 }, (_, i) => ({
      id: `${i}`,
      stream: `${i % 3}`,
      prompt: someTokens(40 + i, vocab, i),
      score: true,
      settings: { ...GREEDY, temperature: 1, maxTokens: 40, seed: 3 },
      steering: i % 2 ? { neurons: STEERED, alpha: 0.5 } : undefined,
    }));
    const session = await engine.live(options);
    const together = await Promise.all(requests.map((request) => generate(session, request)));
    await session.close();
    const alone = await eachAlone(engine, options, requests.slice(6, 8));
    for (const [i, heard] of alone.entries()) assertSame(together[6 + i], heard, 1e-5, `request ${i}`);
    for (const heard of together) assert.equal(heard.cett.length, heard.tokens.length);
  });

  it('a cancelled request says nothing more, others go on, and its id may be used again', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const { vocab } = tiny.config;
    const session = await engine.live({ concurrency: 2, contextTokens: 512 });
    const request = (id: string, maxTokens: number): LiveRequest => ({
      id,
      stream: id,
      prompt: someTokens(8, vocab, 5),
      settings: { ...GREEDY, temperature: 1, maxTokens },
    });
    let told = 0;
    let after = 0;
    let cancelled = false;
    session.submit(request('endless', 500), {
      onToken: () => {
        if (cancelled) after++;
        if (++told !== 3) return;
        session.cancel('endless');
        cancelled = true;
      },
      onEnd: () => assert.fail('a cancelled request does not end'),
      onError: (error) => assert.fail(error),
    });
    session.submit(request('waits', 5), { onEnd: () => assert.fail('ended'), onError: assert.fail });
    session.cancel('waits');
    session.cancel('unknown');
    const others = await Promise.all(['a', 'b', 'c'].map((id) => generate(session, request(id, 20))));
    for (const heard of others) assert.ok(heard.end);
    assert.equal(after, 0);
    assert.ok((await generate(session, request('endless', 2))).end, 'its id is free again');
    assert.equal(session.active, 0);
    await session.close();
  });

  it('other calls run between the steps', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama', hidden: 256, ffn: 512 });
    const session = await engine.live({ watch: WATCHED, concurrency: 2, contextTokens: 512 });
    const plain = await engine.logits([1, 2, 3]);
    let running = true;
    const long = generate(session, {
      id: 'long',
      stream: 's',
      prompt: someTokens(8, tiny.config.vocab, 5),
      settings: { ...GREEDY, temperature: 1, maxTokens: 400 },
      steering: { neurons: STEERED, alpha: 0 },
      score: true,
    }).then((heard) => {
      running = false;
      return heard;
    });
    assert.equal((await engine.tokenize(['x'], { special: false, bos: false })).length, 1);
    assert.deepEqual(await engine.logits([1, 2, 3]), plain, 'the steering of the session does not show');
    await readAnswer(engine, [1, 2, 3], [4, 5], WATCHED);
    assert.ok(running, 'the calls did not wait for the answer');
    const heard = await long;
    assert.ok(heard.end);
    await session.close();
  });

  it('a long prompt does not hold up those that stream, and equal prompts are run once', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama', contextLength: 2048 });
    const { vocab } = tiny.config;
    const session = await engine.live({ concurrency: 6, contextTokens: 1024 });
    const prompt = someTokens(900, vocab, 6);
    const heard = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        generate(session, {
          id: `${i}`,
          stream: `${i}`,
          prompt,
          settings: { ...GREEDY, temperature: 1, maxTokens: 5 },
        }),
      ),
    );
    assert.deepEqual(
      heard.map(({ end }) => end!.cachedTokens),
      [0, 899, 899, 899, 899],
    );
    const next = await generate(session, {
      id: 'next turn',
      stream: 's',
      prompt: [...prompt, ...idsOf(heard[2]), ...someTokens(20, vocab, 9)],
      settings: GREEDY,
    });
    assert.ok(next.end!.cachedTokens >= 900 + 3, `${next.end!.cachedTokens} of the last turn`);
    const steered = await generate(session, {
      id: 'steered',
      stream: 's',
      prompt,
      settings: GREEDY,
      steering: { neurons: STEERED, alpha: 0 },
    });
    assert.equal(steered.end!.cachedTokens, 0, 'what was computed under another steering is of no use');
    await session.close();
  });

  it('each neuron switched on and off by turns: many steerings, bounded adapters', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const session = await engine.live({ watch: WATCHED, concurrency: 4, contextTokens: 64 });
    const prompt = someTokens(6, tiny.config.vocab, 2);
    const request = (i: number): LiveRequest => ({
      id: `${i}`,
      stream: 's',
      prompt,
      settings: { ...GREEDY, maxTokens: 3 },
      steering: { neurons: STEERED.filter((_, k) => (i >> k) & 1), alpha: 3 },
    });
    const heard = await Promise.all(Array.from({ length: 32 }, (_, i) => generate(session, request(i))));
    await session.close();
    for (const i of [0, 1, 5, 31]) {
      const logits = await engine.logits(prompt, request(i).steering);
      const best = logits.indexOf(Math.max(...logits));
      assert.equal(heard[i].tokens[0]?.token ?? best, best, `steering ${i}`);
    }
  });
});

describe('what cannot be done', () => {
  it('is refused in one line, and the session goes on', async () => {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const session = await engine.live({ concurrency: 2, contextTokens: 64 });
    const good: LiveRequest = { id: 'x', stream: 's', prompt: [1, 2, 3], settings: GREEDY };
    for (const [wrong, message] of [
      [{ prompt: [] }, /prompt is empty/],
      [{ prompt: someTokens(60, 200, 1) }, /60 tokens and may be followed by 12.*holds 64/],
      [{ prompt: [1, tiny.config.vocab] }, /not in the vocabulary/],
      [{ settings: { ...GREEDY, maxTokens: 0 } }, /max tokens/],
      [{ settings: { ...GREEDY, temperature: Number.NaN } }, /temperature/],
      [{ score: true }, /No neurons are watched/],
      [{ steering: { neurons: [LAYERS * FFN], alpha: 2 } }, /Neuron 288 does not exist/],
      [{ steering: { neurons: [1], alpha: Number.NaN } }, /alpha must be a number/],
    ] as [Partial<LiveRequest>, RegExp][]) {
      const { error } = await generate(session, { ...good, ...wrong });
      assert.ok(error instanceof UserError, `${message}`);
      assert.match(error.message, message);
    }
    const [first, second] = await Promise.all([generate(session, good), generate(session, good)]);
    assert.ok(first.end);
    assert.match(second.error!.message, /under way/);
    await expectUserError(() => engine.live({ concurrency: 1, contextTokens: 64 }), /live session already/);
    await session.close();
    assert.match((await generate(session, good)).error!.message, /closed/);
    await expectUserError(() => engine.live({ concurrency: 0, contextTokens: 64 }), /requests at a time/);
    await expectUserError(() => engine.live({ concurrency: 1, contextTokens: 4096 }), /context of 4096/);
    await expectUserError(
      () => engine.live({ concurrency: 1, contextTokens: 64, watch: [LAYERS * FFN] }),
      /does not exist/,
    );
    const again = await engine.live({ concurrency: 1, contextTokens: 64 });
    assert.ok((await generate(again, good)).end, 'a session can be opened after refusals');
    await again.close();
  });

  it('a listener that throws fails its own request only', async () => {
    const { engine } = await openTiny(folder, { architecture: 'llama' });
    const session = await engine.live({ concurrency: 2, contextTokens: 64 });
    const request = (id: string): LiveRequest => ({ id, stream: id, prompt: [1, 2, 3], settings: GREEDY });
    const [bad, good] = await Promise.all([
      generate(session, request('bad'), () => {
        throw new Error('my mistake');
      }),
      generate(session, request('good')),
    ]);
    assert.match(bad.error!.message, /my mistake/);
    assert.ok(good.end);
    await session.close();
  });

  it('a crash of the native process fails every request, and a new engine works', async () => {
    const before = nativeProcesses();
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
    const pid = nativeProcesses().find((one) => !before.includes(one))!;
    const session = await engine.live({ watch: WATCHED, concurrency: 4, contextTokens: 512 });
    const heard = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        generate(
          session,
          {
            id: `${i}`,
            stream: `${i}`,
            prompt: [1, 2, 3 + i],
            settings: { ...GREEDY, temperature: 1, maxTokens: 480 },
          },
          () => process.kill(pid, 'SIGSEGV'),
        ),
      ),
    );
    for (const { error } of heard) {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /SIGSEGV/);
    }
    assert.equal(session.active, 0);
    const late = await generate(session, { id: 'late', stream: 's', prompt: [1], settings: GREEDY });
    assert.match(late.error!.message, /SIGSEGV/);
    await session.close();
    await engine.close();
    const next = await openEngine({ modelPath: tiny.path, device: 'cpu', threads: 1 });
    const fresh = await next.live({ concurrency: 1, contextTokens: 64 });
    assert.ok((await generate(fresh, { id: 'a', stream: 's', prompt: [1, 2], settings: GREEDY })).end);
    await next.close();
  });
});
