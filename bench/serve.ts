/**
 * Load on `hneurons serve` by OpenAI's own client, with scores while decoding and without, in one run:
 *   node dist/bench/serve.js --detector DETECTOR [--model gemma-3-270m] [--streams 1,8,32] [--tokens 64] [--rounds 3] [--threads N]
 * Two servers of the same model stand side by side, one with the detector, one without (plain llama.cpp, nothing tapped). They are
 * measured in turns, round by round, so that other load on the machine hits both alike; each figure is over all rounds. With the
 * first server, requests that switch the score off are measured too. The same prompts, seeds and lengths everywhere.
 */
import { parseArgs } from 'node:util';
import OpenAI from 'openai';
import { hardware } from './reference.js';
import { quantile, type Served, startServed } from './served.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    detector: { type: 'string' },
    streams: { type: 'string', default: '1,8,32' },
    tokens: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (!options.detector) throw new Error('give --detector DETECTOR.json');
const levels = options.streams.split(',').map(Number);
const tokens = Number(options.tokens);
const rounds = Number(options.rounds);

interface Measured {
  requests: number;
  tokens: number;
  seconds: number;
  firstToken: number[];
}

/** How requests are sent: to which server, with which additions. */
const MODES = ['plain', 'score off', 'scored'] as const;
type Mode = (typeof MODES)[number];

const common = ['--model', options.model, '--concurrency', String(Math.max(...levels)), '--context', '512'];
if (options.threads) common.push('--threads', options.threads);
const plain = await startServed(common);
const scoring = await startServed([...common, '--detector', options.detector]);
const serverOf: Record<Mode, Served> = { plain, 'score off': scoring, scored: scoring };
const model = (await client(plain).models.list()).data[0].id;

/** Sends `count` streams at once, a few times, and takes the times as a client sees them. */
async function load(mode: Mode, count: number, round: number): Promise<Measured> {
  const api = client(serverOf[mode]);
  const repeats = count === 1 ? 3 : 1;
  const measured: Measured = { requests: 0, tokens: 0, seconds: 0, firstToken: [] };
  const one = async (number: number) => {
    const began = performance.now();
    const stream = await api.completions.create({
      model,
      prompt: `Chapter ${number}. The long story of a town with ${1000 * round + number} houses begins on a`,
      max_tokens: tokens,
      seed: number,
      stream: true,
      stream_options: { include_usage: true },
      ...(mode === 'score off' && { hneurons: { score: false } }),
    } as OpenAI.CompletionCreateParamsStreaming);
    let first: number | undefined;
    for await (const { choices, usage } of stream) {
      if (first === undefined && choices[0]?.text) first = performance.now() - began;
      measured.tokens += usage?.completion_tokens ?? 0;
    }
    measured.firstToken.push(first ?? Number.NaN);
    measured.requests++;
  };
  const began = performance.now();
  for (let repeat = 0; repeat < repeats; repeat++) {
    await Promise.all(Array.from({ length: count }, (_, i) => one(100 * repeat + i)));
  }
  measured.seconds = (performance.now() - began) / 1000;
  return measured;
}

function client({ url }: Served): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 600_000 });
}

const results = [];
try {
  for (const mode of MODES) await load(mode, Math.min(4, Math.max(...levels)), 0);
  for (const count of levels) {
    const sums = new Map<Mode, Measured>();
    for (let round = 1; round <= rounds; round++) {
      const turn = round % 2 ? MODES : [...MODES].reverse();
      for (const mode of turn) {
        const one = await load(mode, count, round);
        const sum = sums.get(mode) ?? { requests: 0, tokens: 0, seconds: 0, firstToken: [] };
        sums.set(mode, {
          requests: sum.requests + one.requests,
          tokens: sum.tokens + one.tokens,
          seconds: sum.seconds + one.seconds,
          firstToken: [...sum.firstToken, ...one.firstToken],
        });
      }
    }
    const rate = (mode: Mode) => sums.get(mode)!.tokens / sums.get(mode)!.seconds;
    for (const mode of MODES) {
      const { requests, seconds, firstToken } = sums.get(mode)!;
      results.push({
        streams: count,
        mode,
        requestsPerSecond: requests / seconds,
        tokensPerSecond: rate(mode),
        firstTokenP50: quantile(firstToken, 0.5),
        firstTokenP95: quantile(firstToken, 0.95),
        cost: 1 - rate(mode) / rate('plain'),
      });
    }
  }
} finally {
  await Promise.all([plain.stop(), scoring.stop()]);
}
if (options.json) console.log(JSON.stringify({ hardware: hardware(), model, tokens, rounds, results }));
else {
  console.log(`${model}, ${tokens} tokens an answer, ${rounds} rounds, ${hardware()}`);
  console.log('streams  mode       requests/s  tokens/s  first token p50/p95 ms  cost against plain');
  for (const {
    streams,
    mode,
    requestsPerSecond,
    tokensPerSecond,
    firstTokenP50,
    firstTokenP95,
    cost,
  } of results) {
    const times = `${firstTokenP50.toFixed(0)} / ${firstTokenP95.toFixed(0)}`;
    console.log(
      `${String(streams).padStart(7)}  ${mode.padEnd(9)}  ${requestsPerSecond.toFixed(2).padStart(10)}  ${tokensPerSecond.toFixed(1).padStart(8)}  ${times.padStart(22)}  ${(100 * cost).toFixed(1).padStart(6)} %`,
    );
  }
}
