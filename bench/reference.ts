/** What the benches against `reference.py` share: running it, repeating ours, printing. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

/** A folder that is gone when the process ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hneurons-bench-'));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function hardware(): string {
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus()[0].model.trim()}, ${availableParallelism()} cores, ${memory} GiB, Node ${process.version}, ${process.platform}-${process.arch}`;
}

/** Runs one job of reference.py and returns the line of JSON that it prints. */
export function runReference(python: string, script: string, args: string[]): Record<string, number> {
  const run = spawnSync(python, [script, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(`reference.py ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout);
}

export function writeLines(path: string, values: unknown[]): void {
  writeFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

/** Median and range, e.g. `13.9 (13.2–14.4)`. */
export function spread(values: number[], decimals?: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const digits = (x: number) => x.toFixed(decimals ?? (x < 1 ? 3 : 1));
  const range = sorted.length > 1 ? ` (${digits(sorted[0])}–${digits(sorted[sorted.length - 1])})` : '';
  return `${digits(median(sorted))}${range}`;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
