/**
 * Our side of the comparison, as a process of its own so that its memory can be measured:
 *   node dist/bench/peers/ours.js MODEL.gguf SEQUENCES.jsonl ROWS.npy LABELS.npy FOLDER THREADS C
 * Prints one line of JSON: seconds for loading, reading and fitting, and the most memory of both processes together.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEngine } from '../../src/engine/index.js';
import { loadNpy, writeNpy } from '../../src/formats/npy.js';
import { openSafetensors } from '../../src/formats/safetensors.js';
import { fitPath } from '../../src/learn/path.js';
import { readLabels } from '../../src/learn/train-matrix.js';
import { extractCases } from '../../src/pipeline/extract-cases.js';

const [model, sequences, rowsPath, labelsPath, folder, threads, C] = process.argv.slice(2);
const since = (start: number) => (performance.now() - start) / 1000;

/** Processor seconds of this process and of its children so far; on Linux only, where a clock tick is a hundredth. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  const list = `/proc/self/task/${process.pid}/children`;
  const children = existsSync(list) ? readFileSync(list, 'utf8').trim().split(/\s+/) : [];
  const ticks = children.filter(Boolean).map((child) => {
    const fields = readFileSync(`/proc/${child}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return (user + system) / 1e6 + ticks.reduce((sum, value) => sum + value, 0) / 100;
}

let start = performance.now();
const engine = await openEngine({ modelPath: model, device: 'cpu', threads: Number(threads) });
await engine.columnNorms();
const load = since(start);
const columns = engine.model.layers * engine.model.ffn;
const out = join(folder, 'features.safetensors');
start = performance.now();
let busy = processorSeconds();
await extractCases({
  engine,
  modelHash: 'bench',
  casesPath: sequences,
  out,
  features: 'float32',
  onProgress: () => {},
  onNotice: console.error,
});
const extract = since(start);
const extractCpu = processorSeconds() - busy;
const native = await engine.peakMemory();
await engine.close();

const { tensors } = await openSafetensors(out);
const chosen = Array.from((await loadNpy(rowsPath)).data as BigInt64Array, Number);
const rows = ['answer', 'other'].flatMap((name) =>
  chosen.map((row) => tensors.get(name)!.offset + row * columns * 4),
);
start = performance.now();
busy = processorSeconds();
const [point] = await fitPath({
  matrix: { path: out, columns, dtype: 'F32', offsets: Float64Array.from(rows) },
  labels: await readLabels(labelsPath),
  grid: [Number(C)],
  threads: Number(threads),
});
const fit = since(start);
const fitCpu = processorSeconds() - busy;
const coef = new Float64Array(columns);
point.indices.forEach((column, i) => {
  coef[column] = point.weights[i];
});
await writeNpy(join(folder, 'coef.npy'), { shape: [columns], data: coef });
await writeNpy(join(folder, 'intercept.npy'), { shape: [1], data: Float64Array.of(point.intercept) });
const peak = native + process.resourceUsage().maxRSS * 1024;
const times = { load, extract, extract_cpu: extractCpu, fit, fit_cpu: fitCpu };
console.log(JSON.stringify({ ...times, peak, objective: point.objective }));
