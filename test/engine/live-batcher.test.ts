import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type LiveModel, makeBatcher } from '../../src/engine/live/batcher.js';
import { makeEventLog, type NumberedRequest, tellEvents } from '../../src/engine/live/events.js';
import { makePicker } from '../../src/engine/live/picker.js';
import { makeSequences } from '../../src/engine/live/sequences.js';
import type { LiveEnd, LiveToken } from '../../src/engine/live/types.js';
import type { Watch } from '../../src/engine/live/watch.js';
import type { Context } from '../../src/engine/native/context.js';
import { steeringKey } from '../../src/engine/steer/adapter.js';
import type { Steering } from '../../src/engine/types.js';
import { seededRandom } from '../support/random.js';

const VOCAB = 40;
const END = 39;
/** Takes the place of a context's address, so that the steering knows where it is set. */
const ADDRESS = 7n;

const hash = (tokens: readonly number[], key: string): number => {
  let value = 17;
  for (const token of tokens) value = (Math.imul(value, 31) + token + 1) >>> 0;
  for (const letter of key) value = (Math.imul(value, 31) + letter.charCodeAt(0)) >>> 0;
  return value;
};

/** The next token's logits depend on the whole sequence, and on the steering that each of its tokens was run under. */
const logitsOf = (tokens: readonly number[], key: string): Float32Array => {
  const random = seededRandom(hash(tokens, key));
  return Float32Array.from({ length: VOCAB }, (_, token) => (token === END ? 1.02 : 1) * random());
};
const cettOf = (tokens: readonly number[], key: string): number => (hash(tokens, key) % 1000) / 1000;

/** A context that keeps llama.cpp's rules, and a watch upon it: breaking one is an error. */
function fakeNative(cells: number, rowLimit: number, oneSteering = false) {
  interface Cell {
    token: number;
    key: string;
    holders: number;
  }
  const sequences = new Map<number, Cell[]>();
  const rows: { sequence: number; output: boolean; tokens: number[] }[] = [];
  let decoded: typeof rows = [];
  let used = 0;
  let wanted = 0;
  let set = 'nothing set';
  let computed = false;
  const statistics = { decodes: 0, rows: 0, peak: 0, switches: 0, held: 0 };
  const release = (cell: Cell) => {
    if (--cell.holders === 0) used--;
  };
  const context: Context = {
    pointer: ADDRESS,
    cells,
    rowLimit,
    rows: 0,
    add(token, position, sequence, output) {
      const list = sequences.get(sequence) ?? [];
      sequences.set(sequence, list);
      assert.equal(position, list.length, 'positions follow one another');
      assert.ok(used < cells, 'the cells suffice');
      assert.ok(rows.length < rowLimit, 'the batch has room');
      list.push({ token, key: set, holders: 1 });
      assert.ok(
        list.every((cell) => cell.key === set),
        'a sequence is of one steering',
      );
      used++;
      rows.push({ sequence, output, tokens: list.map((cell) => cell.token) });
      context.rows = rows.length;
      return rows.length - 1;
    },
    decode() {
      decoded = rows.splice(0);
      computed = true;
      context.rows = 0;
      statistics.decodes++;
      statistics.rows += decoded.length;
      statistics.peak = Math.max(statistics.peak, used);
      assert.ok(
        decoded.slice(0, wanted).every(({ output }) => output),
        'wanted rows give logits',
      );
    },
    logits(row) {
      assert.ok(decoded[row].output, 'logits were asked for');
      return logitsOf(decoded[row].tokens, set);
    },
    copySequence(source, target, end = -1) {
      assert.ok(!sequences.get(target)?.length, 'the target is empty');
      const shared = sequences.get(source)!.slice(0, end < 0 ? undefined : end);
      for (const cell of shared) cell.holders++;
      sequences.set(target, shared);
    },
    removeSequence(sequence) {
      for (const cell of sequences.get(sequence) ?? []) release(cell);
      sequences.delete(sequence);
    },
    clear() {
      for (const sequence of [...sequences.keys()]) context.removeSequence(sequence);
    },
    renew() {
      context.clear();
      set = 'nothing set';
      computed = false;
    },
    free() {},
  };
  const watch: Watch = {
    neurons: 1,
    callback: 0n,
    expect(count, all, outputs) {
      wanted = count;
      assert.equal(all, rows.length);
      assert.equal(outputs, rows.filter(({ output }) => output).length);
    },
    check() {},
    row: (row) => Float32Array.of(cettOf(decoded[row].tokens, set)),
    free() {},
  };
  const model: LiveModel = {
    endsGeneration: Uint8Array.from({ length: VOCAB }, (_, token) => (token === END ? 1 : 0)),
    piece: (token) => Buffer.from(String.fromCharCode(97 + (token % 26))),
    keyOf: steeringKey,
    async hold(steering) {
      const key = steeringKey(steering);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (steering?.alpha === 13) throw new Error('unlucky');
      statistics.held++;
      return {
        key,
        set: (address) => {
          assert.equal(address, ADDRESS);
          assert.ok(!oneSteering || !computed, 'the steering of a used context is changed');
          if (set !== key) statistics.switches++;
          set = key;
        },
        release: () => {
          statistics.held--;
        },
      };
    },
  };
  return { context, watch, model, statistics, used: () => used };
}

interface Told {
  tokens: LiveToken[];
  cett: number[];
  end?: LiveEnd;
  error?: Error;
}

/** What a request is to give: one token after another, by itself. */
function expected(request: NumberedRequest): { tokens: number[]; cett: number[] } {
  const key = steeringKey(request.steering);
  const all = Array.from(request.prompt);
  const tokens: number[] = [];
  const cett: number[] = [];
  while (tokens.length < request.settings.maxTokens) {
    const logits = logitsOf(all, key);
    const best = logits.indexOf(Math.max(...logits));
    if (best === END) break;
    all.push(best);
    tokens.push(best);
    cett.push(Math.fround(cettOf(all, key)));
  }
  return { tokens, cett: request.score ? cett : [] };
}

function makeRig(
  cells: number,
  options: { rows?: number; concurrency?: number; kept?: number; oneSteering?: boolean } = {},
) {
  const { rows = 32, concurrency = 6, kept = 4, oneSteering } = options;
  const native = fakeNative(cells, rows, oneSteering);
  const sequences = makeSequences(native.context, {
    sequences: concurrency + kept,
    idleCells: cells >> 1,
    shareable: true,
    window: 0,
  });
  const log = makeEventLog(1);
  const batcher = makeBatcher(native.context, sequences, native.model, {
    concurrency,
    watch: native.watch,
    picker: makePicker(VOCAB),
    log,
    oneSteering,
    onReady: () => {},
  });
  const told = new Map<number, Told>();
  const step = () => {
    const worked = batcher.step();
    const events = log.take();
    if (events)
      tellEvents(events, 1, (number) => {
        const one = told.get(number)!;
        assert.ok(!one.end && !one.error, 'nothing follows the end');
        return {
          onToken: (token) => one.tokens.push(token),
          onCett: (index, [cett]) => {
            assert.ok(index < one.tokens.length, 'a token is told before its CETT');
            one.cett[index] = cett;
          },
          onEnd: (end) => {
            one.end = end;
          },
          onError: (error) => {
            one.error = error;
          },
        };
      });
    return worked;
  };
  return {
    native,
    batcher,
    told,
    step,
    submit(request: NumberedRequest) {
      told.set(request.number, { tokens: [], cett: [] });
      batcher.submit(request);
    },
    async finish() {
      for (let idle = 0; batcher.active > 0; ) {
        idle = step() ? 0 : idle + 1;
        assert.ok(idle < 50, `${batcher.active} requests are stuck`);
        if (idle > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}

const STEERINGS: (Steering | undefined)[] = [
  undefined,
  undefined,
  { neurons: [1, 2], alpha: 0 },
  { neurons: [2, 1], alpha: 0 },
  { neurons: [1, 2], alpha: 2 },
  { neurons: [3], alpha: 2 },
];

function randomRequest(number: number, random: () => number, longest: number): NumberedRequest {
  const shared = Math.floor(random() * 3) * 20;
  const own = 1 + Math.floor(random() * 30);
  const prompt = Int32Array.from({ length: shared + own }, (_, i) =>
    i < shared ? i % 30 : Math.floor(random() * 30),
  );
  return {
    number,
    prompt,
    stream: 's',
    score: random() < 0.6,
    steering: STEERINGS[Math.floor(random() * STEERINGS.length)],
    settings: {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      maxTokens: 1 + Math.floor(random() * (longest - prompt.length - 1)),
      stop: [],
      seed: 1,
    },
  };
}

for (const [cells, oneSteering] of [
  [160, false],
  [400, false],
  [4000, false],
  [160, true],
  [4000, true],
] as const)
  it(`random traffic in ${cells} cells${oneSteering ? ', one steering in a context' : ''}: each request gets its own answer and no rule is broken`, async () => {
    const random = seededRandom(cells);
    const rig = makeRig(cells, { oneSteering });
    const requests: NumberedRequest[] = [];
    const cancelled = new Set<number>();
    for (let number = 1; number <= 80; number++) {
      const request = randomRequest(number, random, 150);
      requests.push(request);
      rig.submit(request);
      for (let steps = Math.floor(random() * 6); steps > 0; steps--) rig.step();
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 1));
      if (random() < 0.15) {
        const victim = 1 + Math.floor(random() * number);
        if (!rig.told.get(victim)!.end) cancelled.add(victim);
        rig.batcher.cancel(victim);
      }
    }
    await rig.finish();
    for (const request of requests) {
      const { tokens, cett, end, error } = rig.told.get(request.number)!;
      assert.equal(error, undefined);
      const want = expected(request);
      const got = tokens.map(({ token }) => token);
      if (cancelled.has(request.number)) {
        assert.equal(end, undefined);
        assert.deepEqual(got, want.tokens.slice(0, got.length));
        continue;
      }
      assert.ok(end, `request ${request.number} ended`);
      assert.deepEqual(got, want.tokens);
      assert.deepEqual(cett, want.cett);
    }
    assert.ok(rig.native.statistics.peak <= cells);
    rig.batcher.close();
    assert.equal(rig.native.statistics.held, 0, 'every adapter is let go');
  });

it('steerings take turns: none waits for the end of another, and they do not change with every step', async () => {
  const rig = makeRig(4000, { concurrency: 4 });
  const request = (number: number, steering: Steering | undefined, maxTokens: number): NumberedRequest => ({
    ...randomRequest(number, seededRandom(number), 100),
    steering,
    settings: { ...randomRequest(1, seededRandom(1), 100).settings, maxTokens },
  });
  // Without an end of its own, the first would go on for long.
  rig.native.model.endsGeneration.fill(0);
  rig.submit(request(1, undefined, 3000));
  rig.submit(request(2, STEERINGS[2], 20));
  const until = performance.now() + 5000;
  while (!rig.told.get(2)!.end && performance.now() < until) {
    rig.step();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(rig.told.get(2)!.end, 'the second ended');
  assert.equal(rig.told.get(1)!.end, undefined, 'beside the first');
  const { switches, decodes } = rig.native.statistics;
  assert.ok(switches < decodes / 3, `${switches} changes in ${decodes} steps`);
});

it('a steering that cannot be had fails its request, and the next one runs', async () => {
  const rig = makeRig(400);
  const base = randomRequest(1, seededRandom(4), 60);
  rig.submit({ ...base, number: 1, steering: { neurons: [1], alpha: 13 } });
  rig.submit({ ...base, number: 2, steering: undefined });
  await rig.finish();
  rig.step();
  assert.match(rig.told.get(1)!.error!.message, /unlucky/);
  assert.ok(rig.told.get(2)!.end);
});

it('a failed decode fails those under way; what waits is run after it', async () => {
  const rig = makeRig(400, { concurrency: 2 });
  for (let number = 1; number <= 4; number++)
    rig.submit({ ...randomRequest(number, seededRandom(number), 60), steering: undefined });
  const { decode } = rig.native.context;
  rig.native.context.decode = () => {
    decode();
    rig.native.context.decode = decode;
    throw new Error('broken');
  };
  await rig.finish();
  assert.deepEqual(
    [1, 2, 3, 4].map((number) => rig.told.get(number)!.error?.message),
    ['broken', 'broken', undefined, undefined],
  );
  assert.ok(rig.told.get(3)!.end && rig.told.get(4)!.end);
});

it('equal prompts are run once, and a later turn finds the earlier one', async () => {
  const rig = makeRig(2000, { rows: 64 });
  const prompt = Int32Array.from({ length: 300 }, (_, i) => (i * 7) % 30);
  const base: NumberedRequest = { ...randomRequest(1, seededRandom(1), 100), steering: undefined, prompt };
  for (let number = 1; number <= 5; number++)
    rig.submit({ ...base, number, settings: { ...base.settings, maxTokens: 10 } });
  await rig.finish();
  assert.ok(rig.native.statistics.rows < 300 + 5 * 12, `${rig.native.statistics.rows} rows`);
  const answer = rig.told.get(1)!.tokens.map(({ token }) => token);
  const turn = Int32Array.from([...prompt, ...answer.slice(0, -1), 3, 4, 5]);
  rig.submit({ ...base, number: 6, prompt: turn });
  await rig.finish();
  assert.ok(rig.told.get(6)!.end!.cachedTokens >= 300 + answer.length - 1);
});
