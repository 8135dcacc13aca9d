/**
 * Threads on a quiet machine and beside busy loops: time of a token and of a batch of 64, and whether the numbers are the same.
 *   node dist/bench/threads.js [--model MODEL.gguf] [--threads 1,2] [--busy 0,2] [--seconds 3]
 * Each busy loop is a process that takes all it can get of one core. Without `--model` a random float32 model of 60 MB is written.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Context, createContext } from '../src/engine/native/context.js';
import { loadModel } from '../src/engine/native/model.js';
import { makeThreadPool } from '../src/engine/native/threads.js';
import { writeTinyModel } from '../test/support/tiny-models.js';
import { hardware, median, scratchFolder } from './reference.js';

const cores = availableParallelism();
const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    threads: { type: 'string', default: `1,${cores}` },
    busy: { type: 'string', default: `0,${cores}` },
    seconds: { type: 'string', default: '3' },
  },
});
const list = (text: string) => text.split(',').map(Number);
const BATCH = 64;
const CELLS = 512;

const path =
  options.model ??
  (
    await writeTinyModel(join(scratchFolder(), 'random.gguf'), {
      architecture: 'llama',
      layers: 12,
      hidden: 384,
      ffn: 1024,
    })
  ).path;
// The model's own pool has one thread, which is this one.
const { llama, pointer, info } = await loadModel({ modelPath: path, device: 'cpu', threads: 1 });
const token = (i: number) => 10 + ((i * 7919) % (info.vocab - 20));

function feed(context: Context, from: number, count: number): number {
  let row = 0;
  for (let i = 0; i < count; i++) row = context.add(token(from + i), from + i, 0, i === count - 1);
  context.decode();
  return row;
}

/** Times of decodes of `rows` rows each, ms, for so many seconds. */
function measure(context: Context, rows: number, seconds: number): number[] {
  const times: number[] = [];
  const until = performance.now() + 1000 * seconds;
  while (performance.now() < until) {
    context.clear();
    for (let at = 0; at + rows <= BATCH && performance.now() < until; at += rows) {
      const since = performance.now();
      feed(context, at, rows);
      times.push(performance.now() - since);
    }
  }
  return times;
}

console.log(`${hardware()}; load before: ${loadavg()[0].toFixed(1)}; ${info.name}, ${info.quantisation}`);
console.log('threads  busy loops  token ms (90 %)   batch ms (90 %)');
const logits = new Map<number, Float32Array>();
for (const busy of list(options.busy)) {
  const loops: ChildProcess[] = Array.from({ length: busy }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  try {
    for (const threads of list(options.threads)) {
      const context = createContext(llama, pointer, info.vocab, {
        cells: CELLS,
        rows: BATCH,
        outputs: 1,
        sequences: 1,
        threads,
        pool: makeThreadPool(llama, threads),
        kvType: 1,
        flashAttention: 'auto',
      });
      const row = feed(context, 0, 40);
      logits.set(threads, context.logits(row).slice());
      const half = Number(options.seconds) / 2;
      const told = [measure(context, 1, half), measure(context, BATCH, half)].map((times) => {
        const sorted = times.sort((a, b) => a - b);
        return `${median(sorted).toFixed(2)} (${sorted[Math.floor(0.9 * (sorted.length - 1))].toFixed(2)})`;
      });
      console.log(
        `${String(threads).padStart(7)}  ${String(busy).padStart(10)}  ${told[0].padEnd(16)}  ${told[1]}`,
      );
      context.free();
    }
  } finally {
    for (const loop of loops) loop.kill('SIGKILL');
  }
}
const [first, ...others] = logits.values();
const same = others.every((one) => one.every((value, i) => value === first[i]));
console.log(
  `logits with ${[...logits.keys()].join(', ')} threads: ${same ? 'the same bits' : 'not the same'}`,
);
process.exit(0);
