import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFacts, type Facts } from '../../src/doctor/checks.js';
import { withoutPrivate } from '../../src/doctor/privacy.js';
import { cpuLimit } from '../../src/doctor/resources.js';
import { describeRuntime } from '../../src/doctor/runtime.js';
import { instructionSets } from '../../src/doctor/system.js';

/** What is concluded from facts that this machine need not have. */

test('runtimes are told apart, and an old Node is not supported', () => {
  const supported = (node: string) => describeRuntime({ node }).supported;
  assert.deepEqual(['18.20.0', '20.18.3', '20.19.0', '21.7.0', '22.0.0', '24.21.0'].map(supported), [
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
  assert.match(describeRuntime({ node: '18.20.0' }).note, /install Node 20\.19 or newer/);
  assert.match(describeRuntime({ node: '23.1.0' }).note, /not tested/);
  assert.equal(describeRuntime({ node: '24.3.0', bun: '1.4.5' }).name, 'Bun');
  assert.equal(describeRuntime({ node: '24.3.0', deno: '2.9.6' }).name, 'Deno');
});

test('instruction sets of x64 and arm64 are read from /proc/cpuinfo', () => {
  assert.deepEqual(instructionSets('model name\t: X\nflags\t\t: fpu avx2 avx512f amx_int8 avx\n'), [
    'avx',
    'avx2',
    'avx512f',
    'amx_int8',
  ]);
  assert.deepEqual(instructionSets('Features\t: fp asimd asimddp i8mm\n'), ['asimd', 'asimddp', 'i8mm']);
  assert.deepEqual(instructionSets(''), []);
});

test('the CPU limit of a control group is read in both versions', () => {
  const limit = (files: Record<string, string>) => cpuLimit((path) => files[path]);
  const mount = '/sys/fs/cgroup';
  assert.equal(limit({ '/proc/self/cgroup': '0::/a\n', [`${mount}/a/cpu.max`]: '150000 100000\n' }), 1.5);
  assert.equal(limit({ '/proc/self/cgroup': '0::/a\n', [`${mount}/cpu.max`]: '200000 100000\n' }), 2);
  assert.equal(limit({ '/proc/self/cgroup': '0::/a\n', [`${mount}/a/cpu.max`]: 'max 100000\n' }), null);
  const old = { '/proc/self/cgroup': '4:cpu,cpuacct:/b\n', [`${mount}/cpu/b/cpu.cfs_period_us`]: '100000\n' };
  assert.equal(limit({ ...old, [`${mount}/cpu/b/cpu.cfs_quota_us`]: '50000\n' }), 0.5);
  assert.equal(limit({ ...old, [`${mount}/cpu/b/cpu.cfs_quota_us`]: '-1\n' }), null);
  assert.equal(limit({}), null);
});

test('home folders, logins and secrets are taken out, in any depth', () => {
  const env = { HOME: '/home/ann', HF_TOKEN: 'hf_0123456789', USERPROFILE: 'C:\\Users\\Ann' };
  const report = {
    paths: ['/home/ann/x', '/home/anna/x', 'in /home/ann: no', 'C:\\Users\\Ann\\y'],
    inner: { text: 'http://ann:pass@proxy:8080 hf_0123456789', count: 3, none: null },
  };
  assert.deepEqual(withoutPrivate(report, env), {
    paths: ['~/x', '/home/anna/x', 'in ~: no', '~\\y'],
    inner: { text: 'http://proxy:8080 [secret]', count: 3, none: null },
  });
});

const cpu = { kind: 'cpu', description: 'X', freeBytes: 8e9, totalBytes: 8e9 } as const;
const build = { folder: '/lib', works: true, version: '0.4.0', devices: [cpu], problem: null };
const place = { path: '/x', freeBytes: 1e12, writable: true, problem: null };
const facts: Facts = {
  ...{ schema: 'hneurons/doctor', schemaVersion: 1, version: '0' },
  system: {
    platform: 'linux',
    release: '6',
    arch: 'x64',
    libc: null,
    layers: [],
    processor: 'X',
    instructions: [],
  },
  runtime: { name: 'Node', version: '22.0.0', supported: true, note: 'supported' },
  builds: [{ ...build, package: '@node-llama-cpp/linux-x64', device: 'cpu' }],
  threads: { default: 2, processors: 2, limit: null, loadAverage: 0 },
  memory: { totalBytes: 16e9, freeBytes: 12e9, limitBytes: null },
  places: [
    { ...place, name: 'cache' },
    { ...place, name: 'hub cache' },
    { ...place, name: 'current folder' },
  ],
  network: [
    { name: 'hub', host: 'hub', reachable: true, detail: 'answers' },
    { name: 'package index', host: 'index', reachable: true, detail: 'answers' },
  ],
  model: { name: 'gemma-3-270m', bytes: 253e6, cached: false },
  ...{ speed: null, speedProblem: 'left out' },
};

function defaultJob(change: Partial<Facts>) {
  return checkFacts({ ...facts, ...change }, {})[0];
}

test('the default job needs runtime, library, model, memory and room', () => {
  assert.deepEqual(defaultJob({}), { name: 'hneurons find (default model)', works: true, reason: '' });
  const [hub, index] = facts.network;
  const lost = { reachable: false, detail: 'refuses the connection' };
  const off = facts.network.map((one) => ({ ...one, reachable: null }));
  const cached = { ...facts.model, cached: true };
  // Either source has the default model.
  assert.equal(defaultJob({ network: [{ ...hub, ...lost }, index] }).works, true);
  assert.equal(defaultJob({ network: [hub, { ...index, ...lost }] }).works, true);
  assert.equal(defaultJob({ network: off, model: cached }).works, true);
  const cases: [Partial<Facts>, RegExp][] = [
    [
      { runtime: { ...facts.runtime, version: '18.0.0', supported: false, note: 'too old' } },
      /18\.0\.0 is too old/,
    ],
    [{ builds: [] }, /no llama\.cpp library/],
    [{ network: off }, /HF_HUB_OFFLINE/],
    [{ network: facts.network.map((one) => ({ ...one, ...lost })) }, /hub refuses the connection/],
    [{ memory: { ...facts.memory, limitBytes: 1e9 } }, /of memory, there are 1\.0 GB/],
    [
      { places: [{ ...place, name: 'cache', writable: false, problem: 'the file system is read-only' }] },
      /cache: the file system is read-only; set HNEURONS_CACHE/,
    ],
    [
      { places: [{ ...place, name: 'hub cache', freeBytes: 1e6 }] },
      /hub cache: 1\.0 MB are free; set HF_HOME/,
    ],
    [
      { places: [{ ...place, name: 'current folder', writable: false, problem: 'no permission to write' }] },
      /current folder: no permission/,
    ],
  ];
  for (const [change, reason] of cases) {
    const { works, reason: told } = defaultJob(change);
    assert.equal(works, false, String(reason));
    assert.match(told, reason);
  }
});

test('a GPU build without a GPU says why, one with a GPU names it', () => {
  const gpuBuild = { ...build, package: '@node-llama-cpp/linux-x64-cuda', device: 'cuda' } as const;
  const cuda = (change: object) =>
    checkFacts({ ...facts, builds: [...facts.builds, { ...gpuBuild, ...change }] }, {}).find(
      ({ name }) => name === '--device cuda',
    );
  assert.deepEqual(cuda({ problem: 'No cuda device was found: install the driver' }), {
    ...{ name: '--device cuda', works: false, reason: 'No cuda device was found: install the driver' },
  });
  const gpu = { kind: 'gpu', description: 'NVIDIA Y', freeBytes: 1, totalBytes: 2 };
  assert.deepEqual(cuda({ devices: [cpu, gpu] }), { name: '--device cuda', works: true, reason: 'NVIDIA Y' });
});
