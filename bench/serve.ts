/**
 * Load on `hneurons serve` by OpenAI's own client, with scores while decoding and without, in one run:
 *   node dist/bench/serve.js --detector DETECTOR [--model gemma-3-270m] [--streams 1,8,32] [--tokens 64] [--rounds 3] [--threads N]
 * Three servers of the same model stand side by side: without a detector (plain llama.cpp, nothing tapped), with it, and with it
 * and `--cache fast`. They are measured in turns, round by round, so that other load on the machine hits all alike; each figure is
 * over all rounds. With the second server, requests that switch the score off are measured too. Seeds and lengths are the same everywhere. Processor time
 * (server and native process, Linux) says what scoring costs even where other programs take their share of the machine.
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
  /** Processor time of the native process and of the server, seconds. */
  cpu: number;
}

const nothing = (): Measured => ({ requests: 0, tokens: 0, seconds: 0, firstToken: [], cpu: 0 });

/** How requests are sent: to which server, with which additions. */
const MODES = ['plain', 'score off', 'scored', 'fast'] as const;
type Mode = (typeof MODES)[number];

const common = ['--model', options.model, '--concurrency', String(Math.max(...levels)), '--context', '512'];
if (options.threads) common.push('--threads', options.threads);
const plain = await startServed(common);
const scoring = await startServed([...common, '--detector', options.detector]);
const fast = await startServed([...common, '--detector', options.detector, '--cache', 'fast']);
const serverOf: Record<Mode, Served> = { plain, 'score off': scoring, scored: scoring, fast };
const model = (await client(plain).models.list()).data[0].id;

/** Sends `count` streams at once, a few times, and takes the times as a client sees them. */
async function load(mode: Mode, count: number, round: number): Promise<Measured> {
  const api = client(serverOf[mode]);
  const repeats = count === 1 ? 3 : 1;
  const measured = nothing();
  // Of the same length in every mode, but not the same: nobody shall profit from a kept prefix of another's.
  const houses = 100_000 * (1 + MODES.indexOf(mode)) + 1000 * round;
  const one = async (number: number) => {
    const began = performance.now();
    const stream = await api.completions.create({
      model,
      prompt: `Chapter ${number}. The long story of a town with ${houses + number} houses begins on a`,
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
  const before = await cpuSeconds(serverOf[mode]);
  const began = performance.now();
  for (let repeat = 0; repeat < repeats; repeat++) {
    await Promise.all(Array.from({ length: count }, (_, i) => one(100 * repeat + i)));
  }
  measured.seconds = (performance.now() - began) / 1000;
  measured.cpu = (await cpuSeconds(serverOf[mode])) - before;
  return measured;
}

async function cpuSeconds(server: Served): Promise<number> {
  return (
    (await server.metric('hneurons_native_cpu_seconds')) + (await server.metric('process_cpu_seconds_total'))
  );
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
        const sum = sums.get(mode) ?? nothing();
        sums.set(mode, {
          requests: sum.requests + one.requests,
          tokens: sum.tokens + one.tokens,
          seconds: sum.seconds + one.seconds,
          firstToken: [...sum.firstToken, ...one.firstToken],
          cpu: sum.cpu + one.cpu,
        });
      }
    }
    const rate = (mode: Mode) => sums.get(mode)!.tokens / sums.get(mode)!.seconds;
    const work = (mode: Mode) => sums.get(mode)!.cpu / sums.get(mode)!.tokens;
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
        cpuMsPerToken: 1000 * work(mode),
        cpuCost: work(mode) / work('plain') - 1,
      });
    }
  }
} finally {
  await Promise.all([plain.stop(), scoring.stop(), fast.stop()]);
}
if (options.json) console.log(JSON.stringify({ hardware: hardware(), model, tokens, rounds, results }));
else {
  console.log(`${model}, ${tokens} tokens an answer, ${rounds} rounds, ${hardware()}`);
  const columns = [
    'streams',
    'requests/s',
    'tokens/s',
    'first token p50',
    'p95 ms',
    'slower',
    'CPU ms/token',
    'more',
  ];
  console.log(`mode       ${columns.map((name) => name.padStart(17)).join('')}`);
  for (const row of results) {
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    const cells = [
      String(row.streams),
      row.requestsPerSecond.toFixed(2),
      row.tokensPerSecond.toFixed(1),
      row.firstTokenP50.toFixed(0),
      row.firstTokenP95.toFixed(0),
      percent(row.cost),
      row.cpuMsPerToken.toFixed(1),
      percent(row.cpuCost),
    ];
    console.log(`${row.mode.padEnd(11)}${cells.map((cell) => cell.padStart(17)).join('')}`);
  }
}
