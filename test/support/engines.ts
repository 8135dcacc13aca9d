import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after } from 'node:test';
import {
  type Engine,
  type EngineOptions,
  openEngine,
  type ReadCase,
  type ReadJob,
  type ReadResult,
} from '../../src/engine/index.js';
import { type TinyModel, type TinyOptions, writeTinyModel } from './tiny-models.js';

let count = 0;

/** Writes a tiny model into the folder and opens it on the CPU; closed after the test file. */
export async function openTiny(
  folder: string,
  options: TinyOptions,
  engineOptions: Partial<EngineOptions> = {},
): Promise<{ tiny: TinyModel; engine: Engine }> {
  const tiny = await writeTinyModel(join(folder, `${options.architecture}-${count++}.gguf`), options);
  const engine = await openEngine({ modelPath: tiny.path, device: 'cpu', threads: 1, ...engineOptions });
  after(() => engine.close());
  return { tiny, engine };
}

/** Reads all cases; results in the order of the cases. */
export async function readAll(
  engine: Engine,
  cases: ReadCase[],
  options: Pick<ReadJob, 'prefix' | 'neurons' | 'signed' | 'residual'> = {},
): Promise<ReadResult[]> {
  const results = new Map<string, ReadResult>();
  let next = 0;
  await engine.read({
    ...options,
    next: () => cases[next++],
    onResult: (result) => {
      results.set(result.id, result);
    },
  });
  return cases.map(({ id }) => results.get(id)!);
}

/** `length` token ids below `vocab`, from a seed. */
export function someTokens(length: number, vocab: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocab);
  });
}

/** Pids of native processes whose parent is this test. */
export function nativeProcesses(): number[] {
  const lines = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  return lines
    .split('\n')
    .filter((line) => line.includes('host/child.js'))
    .map((line) => Number.parseInt(line, 10));
}
