/**
 * Speed and memory of drift between two checkpoints, against a plain read of the same files, in one run.
 *
 *     node dist/bench/drift.js [--layers 16] [--ffn 8192] [--hidden 2048] [--type BF16] [--folder DIR] [--cold]
 *
 * With --cold (Linux, root) the system's cache of files is emptied before each: both then read from the disk.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureDrift } from '../src/drift/measure.js';
import { openWeights } from '../src/weights/open.js';

const { values } = parseArgs({
  options: {
    layers: { type: 'string', default: '16' },
    ffn: { type: 'string', default: '8192' },
    hidden: { type: 'string', default: '2048' },
    type: { type: 'string', default: 'BF16' },
    repeats: { type: 'string', default: '3' },
    folder: { type: 'string' },
    cold: { type: 'boolean', default: false },
  },
});
const [layers, ffn, hidden, repeats] = [values.layers, values.ffn, values.hidden, values.repeats].map(Number);
const BYTES: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };
const bytes = BYTES[values.type];
if (!bytes) throw new Error('--type is F32, F16 or BF16');

const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'hneurons-bench-'));
mkdirSync(folder, { recursive: true });
const files = ['base', 'instruct'].map((name) => join(folder, `${name}.safetensors`));
const layer = 3 * ffn * hidden * bytes;

/** Numbers near one with noise in the lower bits: any 16-bit pattern of this exponent is one. */
function write(path: string, seed: number): void {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (let i = 0; i < layers; i++) {
    for (const [name, shape] of [
      ['gate_proj', [ffn, hidden]],
      ['up_proj', [ffn, hidden]],
      ['down_proj', [hidden, ffn]],
    ] as const) {
      header[`model.layers.${i}.mlp.${name}.weight`] = {
        dtype: values.type,
        shape,
        data_offsets: [end, end + layer / 3],
      };
      end += layer / 3;
    }
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, 'w');
  writeSync(file, Buffer.concat([length, json]));
  const block = Buffer.alloc(layer / 3);
  const halves = new Uint16Array(block.buffer, block.byteOffset, block.length / 2);
  let state = seed;
  for (let part = 0; part < 3 * layers; part++) {
    for (let i = 0; i < halves.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      halves[i] = 0x3f00 | (state >>> 24) | ((state >>> 8) & 0x8000);
    }
    writeSync(file, block);
  }
  closeSync(file);
}

/** Empties the system's cache of files, where that was asked for. */
function forget(): void {
  if (values.cold) writeFileSync('/proc/sys/vm/drop_caches', '3');
}

function plainRead(): number {
  forget();
  const began = performance.now();
  const buffer = Buffer.allocUnsafeSlow(4 << 20);
  for (const path of files) {
    const file = openSync(path, 'r');
    while (readSync(file, buffer, 0, buffer.length, null) > 0);
    closeSync(file);
  }
  return (performance.now() - began) / 1000;
}

const median = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

try {
  files.forEach((path, i) => {
    write(path, i + 1);
  });
  // What is not written yet cannot be forgotten.
  if (values.cold) execFileSync('sync');
  const gigabytes = (2 * layers * layer) / 1e9;
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const [base, instruct] = [await openWeights(files[0]), await openWeights(files[1])];
  const reads: number[] = [];
  const drifts: number[] = [];
  for (let i = 0; i < repeats; i++) {
    reads.push(plainRead());
    forget();
    const began = performance.now();
    await measureDrift(base, instruct);
    drifts.push((performance.now() - began) / 1000);
  }
  clearInterval(watch);
  const speed = (seconds: number) => `${(gigabytes / seconds).toFixed(2)} GB/s`;
  console.log(
    `${cpus()[0].model.trim()}, ${cpus().length} cores; ${values.type}, ${gigabytes.toFixed(1)} GB in two files`,
  );
  console.log(`drift       ${median(drifts).toFixed(2)} s (${speed(median(drifts))})`);
  console.log(
    `plain read  ${median(reads).toFixed(2)} s (${speed(median(reads))}), ${values.cold ? 'from the disk' : "files in the system's cache"}`,
  );
  console.log(`ratio       ${(median(reads) / median(drifts)).toFixed(2)} of the speed of a plain read`);
  console.log(
    `memory      ${((peak - before) / 1e6).toFixed(0)} MB more than before; the matrices of one layer of both files are ${((2 * layer) / 1e6).toFixed(0)} MB`,
  );
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
  else for (const path of files) rmSync(path, { force: true });
}
