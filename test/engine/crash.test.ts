import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { it } from 'node:test';
import { crashError, type Ending } from '../../src/engine/host/crash.js';
import { compareOomKills, countOomKills } from '../../src/engine/host/oom.js';
import { openTiny } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

const say = (ending: Partial<Ending>) =>
  crashError({
    signal: null,
    code: null,
    stderr: '',
    running: 'load',
    subject: 'm.gguf',
    oom: 'unknown',
    ...ending,
  }).message;

/** What each ending must say, and what it must not claim. */
const TABLE: [Partial<Ending>, RegExp, RegExp?][] = [
  [{ signal: 'SIGILL' }, /\(SIGILL\) while loading m\.gguf; illegal instruction.*processor/, /damaged/],
  [{ signal: 'SIGILL', library: '/opt/x' }, /build in \/opt\/x is for another processor/, /damaged/],
  [{ signal: 'SIGBUS' }, /changed or truncated.*disk or network/, /download/],
  [{ signal: 'SIGKILL', oom: 'unknown' }, /by a person or a program, or by the system for lack of memory/],
  [{ signal: 'SIGKILL', oom: 'none' }, /killed from outside.*no lack of memory/, /smaller model/],
  [{ signal: 'SIGKILL', oom: 'machine' }, /probably by the kernel.*smaller model/],
  [{ signal: 'SIGKILL', oom: 'group' }, /kernel killed it for lack of memory \(limit of this container/],
  [{ signal: 'SIGTERM' }, /stopped from outside/, /damaged|memory/],
  [{ signal: 'SIGHUP' }, /stopped from outside/, /damaged|memory/],
  [{ signal: 'SIGXCPU' }, /processor time/],
  [{ signal: 'SIGSYS' }, /sandbox/],
  [{ signal: 'SIGSEGV' }, /the file is damaged, or llama\.cpp has a fault/],
  [
    { signal: 'SIGABRT', stderr: 'x\nggml.c:1: GGML_ASSERT(a) failed\n', running: 'read' },
    /while reading neurons of m\.gguf: "ggml\.c:1: GGML_ASSERT\(a\) failed"; the file is damaged, or/,
  ],
  [{ signal: 'SIGABRT', stderr: 'terminate: what(): std::bad_alloc\n' }, /memory ran out: use a smaller/],
  [
    {
      signal: 'SIGABRT',
      stderr: 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    },
    /the input is too large/,
    /smaller model/,
  ],
  [{ code: 3221225477 }, /\(access violation\).*damaged, or llama\.cpp has a fault/],
  [{ code: -1073741819 }, /\(access violation\)/],
  [{ code: 0xc000001d }, /\(illegal instruction\).*processor/, /damaged/],
  [{ code: 0xc0000409 }, /\(fast fail\).*damaged, or/],
  [{ code: 0xc0000006 }, /\(in-page error\).*changed or truncated/],
  [{ code: 0xc0000017 }, /memory ran out/],
  [{ code: 0xc0000135 }, /Visual C\+\+/],
  [{ code: 0xc000013a }, /\(Ctrl-C\).*from outside/],
  [
    { code: 1, running: 'starting', stderr: 'Error: no koffi here\n' },
    /starting m\.gguf: "Error: no koffi here"; .*install/,
  ],
  [{ code: 1 }, /exit code 1.*could not go on/, /damaged/],
];

it('each way in which the native process can end is told by what is known about it', () => {
  for (const [ending, right, wrong] of TABLE) {
    const message = say(ending);
    assert.match(message, right);
    if (wrong) assert.doesNotMatch(message, wrong);
    assert.doesNotMatch(message, /\n/);
  }
});

it("a line of llama.cpp's log is quoted without control characters", () => {
  assert.match(say({ signal: 'SIGABRT', stderr: 'error \u001b[31mred\u0007\n' }), /"error \?\[31mred\?"/);
});

it('the real process, killed by each signal', async () => {
  for (const [signal, words] of [
    ['SIGILL', /SIGILL.*another processor|SIGILL.*lacks one/],
    ['SIGBUS', /SIGBUS.*truncated/],
    ['SIGKILL', /SIGKILL.*from outside/],
    ['SIGTERM', /SIGTERM.*from outside/],
    ['SIGHUP', /SIGHUP.*from outside/],
    ['SIGSEGV', /SIGSEGV.*llama\.cpp has a fault/],
    ['SIGABRT', /SIGABRT.*llama\.cpp has a fault/],
  ] as const) {
    const { engine, tiny } = await openTiny(folder, { architecture: 'llama', layers: 1 });
    process.kill(engine.process.pid, signal);
    const { message } = await engine.process.gone;
    assert.match(message, words);
    assert.ok(message.includes(tiny.path));
  }
});

it('a native process whose packages do not load says so in one line', () => {
  // A copy of the program without koffi: the child cannot even start.
  const copy = join(folder, 'copy');
  mkdirSync(join(copy, 'node_modules'), { recursive: true });
  for (const name of readdirSync('node_modules'))
    if (name !== 'koffi')
      symlinkSync(resolve('node_modules', name), join(copy, 'node_modules', name), 'junction');
  cpSync('dist/src', join(copy, 'src'), { recursive: true });
  copyFileSync('package.json', join(copy, 'package.json'));
  const script = join(copy, 'open.mjs');
  writeFileSync(
    script,
    `import { openEngine } from './src/engine/host/client.js';
openEngine({ modelPath: 'x.gguf' }).catch((error) => console.log(error.name + ': ' + error.message));`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.match(stdout, /^UserError: .*while starting x\.gguf: "Error.*koffi.*install hneurons again/);
  assert.equal(stdout.trim().split('\n').length, 1);
});

it('lack of memory is told by the counters of the kernel, of the group first', () => {
  const files: Record<string, string> = {
    '/proc/vmstat': 'nr_x 1\noom_kill 3\n',
    '/proc/self/cgroup': '0::/a/b\n',
    '/sys/fs/cgroup/a/b/memory.events': 'low 0\noom 2\noom_kill 1\noom_group_kill 0\n',
  };
  const counts = countOomKills((path) => files[path]);
  if (process.platform === 'linux') assert.deepEqual(counts, { machine: 3, group: 1 });
  const older = {
    '/proc/self/cgroup': '4:memory:/job\n',
    '/sys/fs/cgroup/memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 7\n',
  };
  if (process.platform === 'linux')
    assert.deepEqual(
      countOomKills((path) => older[path as keyof typeof older]),
      { group: 7 },
    );
  assert.equal(compareOomKills({ machine: 3, group: 1 }, { machine: 4, group: 2 }), 'group');
  assert.equal(compareOomKills({ machine: 3, group: 1 }, { machine: 4, group: 1 }), 'machine');
  assert.equal(compareOomKills({ machine: 3 }, { machine: 3 }), 'none');
  assert.equal(compareOomKills({}, {}), 'unknown');
});
