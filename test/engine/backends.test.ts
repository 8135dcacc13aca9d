import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { explainMissingDevice, loadBackends } from '../../src/engine/native/backends.js';
import type { Llama } from '../../src/engine/native/llama.js';
import type { LibraryFiles } from '../../src/engine/native/locate.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const [CPU, GPU, INTEGRATED] = [0, 1, 2];

/** The registry of a library that finds these devices in these folders; "compiled in" is what it searches without a folder. */
function registry(found: Record<string, number[]>) {
  const devices: number[] = [];
  const tried: string[] = [];
  const places: string[] = [];
  const llama = {
    loadBackends(place: string | null) {
      tried.push(place ?? 'compiled in');
      places.push(process.cwd());
      devices.push(...(found[place ?? 'compiled in'] ?? []));
    },
    deviceCount: () => devices.length,
    deviceGet: (i: number) => BigInt(i),
    deviceType: (device: bigint) => devices[Number(device)],
  } as unknown as Llama;
  return { llama, tried, places };
}

const files = (options: Partial<LibraryFiles>): LibraryFiles => ({
  folder,
  ggmlBase: '',
  ggml: '',
  llama: '',
  device: 'cuda',
  backendFolders: ['a'],
  ...options,
});

it('backends are taken from the first folder that has one for the CPU', () => {
  const { llama, tried } = registry({ b: [CPU], c: [CPU] });
  loadBackends(llama, files({ backendFolders: ['a', 'b', 'c'] }));
  assert.deepEqual(tried, ['a', 'b']);
});

it('the compiled-in folder comes last, and the working directory is not searched with it', () => {
  const before = process.cwd();
  const { llama, tried, places } = registry({ 'compiled in': [CPU] });
  loadBackends(llama, files({}));
  assert.deepEqual(tried, ['a', 'compiled in']);
  assert.equal(places[1], realpathSync(folder));
  assert.equal(process.cwd(), before);
});

it('a build without a backend for this processor is refused', () =>
  expectUserError(
    () => loadBackends(registry({}).llama, files({})),
    /has no CPU backend for this processor/,
  ));

it('the extension package is tried only where the first has found no GPU', () => {
  const fallbackFolder = 'fallback';
  for (const [devices, expected] of [
    [[CPU], ['a', 'fallback']],
    [[GPU, CPU], ['a']],
    [[INTEGRATED, CPU], ['a']],
  ] as const) {
    const { llama, tried } = registry({ a: [...devices] });
    loadBackends(llama, files({ fallbackFolder }));
    assert.deepEqual(tried, expected);
  }
});

it('a device that is not found: what its backend lacks and what to install', () => {
  const bins = join(folder, 'bins', 'linux-x64-cuda');
  mkdirSync(bins, { recursive: true });
  const say = (device: 'cuda' | 'vulkan', fallbackFolder?: string) =>
    explainMissingDevice(device, files({ folder: bins, fallbackFolder }));
  assert.match(say('vulkan'), /^No vulkan device was found \(no backend for vulkan in .*\): .*--device cpu$/);
  const backend = join(bins, process.platform === 'win32' ? 'ggml-cuda.dll' : 'libggml-cuda.so');
  writeFileSync(backend, 'not a library');
  assert.match(
    say('cuda'),
    /cuda device was found \(.+\): .*CUDA 13 .*"npm install @node-llama-cpp\/linux-x64-cuda-ext@/,
  );
  assert.match(say('cuda', 'fallback'), /CUDA 13 runtime .* or CUDA 12's, or use --device cpu$/);
});
