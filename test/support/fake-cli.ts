import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { main } from '../../src/cli/main.js';
import { modelSha256 } from '../../src/models/index.js';
import { fakeEngine } from './fake-engine.js';

/**
 * The command line over the fake engine, as a program of its own: `--model` is the path of a tiny GGUF. In the environment,
 * DELAY_MS slows each result down, and KILL_AT=`write:responses.jsonl:5` kills the process (SIGKILL, no
 * cleaning up) half-way through the fifth write to that file; `rename:detector.json:2` just before the second rename to it.
 */
const [operation, file, nth] = (process.env.KILL_AT ?? '').split(':');
let left = Number(nth);

function dieAt(what: string, path: string): boolean {
  return operation === what && basename(path) === file && --left === 0;
}

const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
};

const names = new Map<number, string>();
const { openSync, writeSync } = fs;
const { rename } = fsPromises;
fs.openSync = (path, ...rest) => {
  const descriptor = openSync(path, ...rest);
  names.set(descriptor, String(path));
  return descriptor;
};
fs.writeSync = ((descriptor: number, data: Uint8Array, offset: number, length: number, position: number) => {
  if (dieAt('write', names.get(descriptor) ?? '')) {
    writeSync(descriptor, data, offset, Math.floor(length / 2), position);
    die();
  }
  return writeSync(descriptor, data, offset, length, position);
}) as typeof fs.writeSync;
fsPromises.rename = async (from, to) => {
  if (dieAt('rename', String(to))) die();
  return rename(from, to);
};
syncBuiltinESMExports();

process.exitCode = await main(process.argv.slice(2), {
  openEngine: async ({ signal }) => fakeEngine({ delayMs: Number(process.env.DELAY_MS ?? 0), signal }),
  modelSha256,
  resolveModel: async (spec) => ({ path: spec, name: basename(spec, '.gguf'), source: spec }),
});
