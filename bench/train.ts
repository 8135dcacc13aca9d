/**
 * Speed of the L1 path against liblinear: `node dist/bench/train.js --reference DIR --python PY [--golden DIR]
 * [--synthetic ROWSxCOLUMNS] [--C 0.1,1,10] [--threads N] [--memory GB] [--ours]`. Ours runs in a process of its own, so that its peak
 * memory is its own; its seconds include reading the features, those of the reference do not. `--ours` leaves the reference out.
 *
 * A matrix larger than memory, with the passes over its file next to a plain read of it:
 * `node dist/bench/train.js --synthetic 4000x2300000 --dtype float16 --folder DIR --C 0.03,0.1,0.3,1 --ours`. With `--folder`
 * the matrix stays there for the next time, else it is removed at the end.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Pass } from '../src/learn/scanner.js';
import { trainMatrix } from '../src/learn/train-matrix.js';
import { SIGNAL, writeCettLike } from './cett-like.js';
import { hardware, scratchFolder, spread } from './reference.js';

const { values: options } = parseArgs({
  options: {
    reference: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    golden: { type: 'string' },
    synthetic: { type: 'string' },
    dtype: { type: 'string', default: 'float32' },
    folder: { type: 'string' },
    C: { type: 'string', default: '0.1,0.3,1,3,10,30' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string' },
    memory: { type: 'string' },
    ours: { type: 'boolean', default: false },
    run: { type: 'string', multiple: true },
  },
});

interface Run {
  shape: [number, number];
  seconds: number;
  path: {
    C: number;
    objective: number;
    positive: number;
    negative: number;
    dualGap?: number;
    seconds?: number;
  }[];
}

/** What is known of our runs only. */
interface OurRun extends Run {
  peakBytes: number;
  cpuSeconds: number;
  passes: Pass[];
}

const grid = options.C.split(',').map(Number);
if (options.run) await runOurs(options.run[0], options.run[1]);
else {
  if (options.golden)
    compare('golden', join(options.golden, 'l1-features.npy'), join(options.golden, 'l1-labels.npy'));
  if (options.synthetic) {
    const shape = options.synthetic.split('x').map(Number) as [number, number];
    const dtype = options.dtype === 'float16' ? 'float16' : 'float32';
    const folder = options.folder ?? scratchFolder();
    const stem = join(folder, `cett-like-${options.synthetic}-${dtype}-${options.seed}`);
    const [features, labels] = [`${stem}.npy`, `${stem}-labels.npy`];
    if (!existsSync(features)) {
      const start = performance.now();
      await writeCettLike(`${features}.part`, labels, shape, { seed: Number(options.seed), dtype });
      renameSync(`${features}.part`, features);
      console.log(`matrix written in ${((performance.now() - start) / 1000).toFixed(0)} s`);
    }
    console.log(hardware());
    const name = `synthetic ${options.synthetic} ${dtype}, ${SIGNAL} informative columns, seed ${options.seed}`;
    compare(name, features, labels);
  }
}

async function runOurs(featuresPath: string, labelsPath: string): Promise<void> {
  const start = performance.now();
  const passed: number[] = [];
  const passes: Pass[] = [];
  const result = await trainMatrix({
    featuresPath,
    labelsPath,
    grid,
    threads: options.threads ? Number(options.threads) : undefined,
    memory: options.memory ? 1e9 * Number(options.memory) : undefined,
    onPoint: () => passed.push((performance.now() - start) / 1000),
    onPass: (pass) => passes.push(pass),
  });
  const path = result.path.map(({ indices, weights, ...point }, k) => ({ ...point, seconds: passed[k] }));
  const { user, system } = process.cpuUsage();
  const own = {
    peakBytes: 1024 * process.resourceUsage().maxRSS,
    cpuSeconds: (user + system) / 1e6,
    passes,
  };
  process.stdout.write(JSON.stringify({ ...result, path, ...own }));
}

function compare(name: string, features: string, labels: string): void {
  const bytes = statSync(features).size;
  const own = process.argv.slice(2).filter((argument) => argument !== '--ours');
  const plain = plainRead(features);
  const ours: OurRun = JSON.parse(
    execFileSync(
      process.execPath,
      [fileURLToPath(import.meta.url), ...own, '--run', features, '--run', labels],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    ),
  );
  console.log(`${name}: [${ours.shape}], ${(bytes / 1e6).toFixed(0)} MB, C = ${grid.join(', ')}`);
  const reference = options.ours ? undefined : runReference(features, labels);
  for (const point of ours.path) {
    const other = reference?.path.find(({ C }) => C === point.C);
    const against = other
      ? `liblinear ${other.objective.toFixed(5)} (+${other.positive} -${other.negative}), ours/liblinear - 1 = ${(point.objective / other.objective - 1).toExponential(1)}`
      : '';
    console.log(
      `  C ${point.C}: objective ${point.objective.toFixed(5)} (+${point.positive} -${point.negative}), relative gap ${(point.dualGap! / point.objective).toExponential(1)}, at ${point.seconds!.toFixed(2)} s; ${against}`,
    );
  }
  console.log(
    `  ours ${ours.seconds.toFixed(2)} s (CPU ${ours.cpuSeconds.toFixed(1)} s), peak memory ${(ours.peakBytes / 1e6).toFixed(0)} MB = ${(ours.peakBytes / bytes).toFixed(2)} x the matrix`,
  );
  // A matrix of another type is converted in memory and never read again.
  if (ours.passes.length > 0) {
    const rate = (seconds: number) => `${(bytes / 1e9 / seconds).toFixed(2)} GB/s`;
    const inPasses = ours.passes.map(({ seconds }) => seconds);
    const total = inPasses.reduce((sum, seconds) => sum + seconds, 0);
    console.log(
      `  ${inPasses.length} passes over the file, ${spread(inPasses)} s each, ${total.toFixed(1)} s in all: ${rate(total / inPasses.length)}; a plain read of it ${rate(plain)}`,
    );
  }
  if (reference) {
    console.log(
      `  liblinear ${reference.seconds.toFixed(2)} s: ours is ${(reference.seconds / ours.seconds).toFixed(1)}x faster`,
    );
  }
}

/** Seconds of reading a file from beginning to end. */
function plainRead(path: string): number {
  const start = performance.now();
  const buffer = Buffer.alloc(1 << 23);
  const file = openSync(path, 'r');
  while (readSync(file, buffer) > 0);
  closeSync(file);
  return (performance.now() - start) / 1000;
}

function runReference(features: string, labels: string): Run {
  if (!options.reference) throw new Error('--reference names the folder of reference.py');
  const script = join(options.reference, 'reference.py');
  const run = spawnSync(options.python, [script, 'train', features, labels, '--grid', ...grid.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (run.status !== 0) throw new Error(`reference.py ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout);
}
