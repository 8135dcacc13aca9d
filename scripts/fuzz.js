/**
 * Reads randomly damaged files with every reader: `node scripts/fuzz.js --files 10000 --seed 1`. Build first.
 *
 * Clean is a file that is refused in one line or read with finite numbers. Anything else is a failure: an error of another kind, a hang,
 * memory over the limit, numbers that are not finite, the end of the process. Failures are printed with their number and saved;
 * `--seed S --kinds K --from N --files 1` makes the same file again. The exit code is 1 when there is any.
 */
import { fork } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { basesOf, EXTENSIONS, KINDS, writeCompanions } from './fuzz/bases.js';
import { memoryOf, readByCommand } from './fuzz/command.js';
import { mutate } from './fuzz/mutate.js';
import { randomOf } from './fuzz/random.js';

const GIB = 2 ** 30;
const BY_COMMAND = new Set(['gguf', 'template']);
/** Of 100 files. Models take a process each, so that there are fewer of them. */
const SHARES = {
  parquet: 20,
  npy: 8,
  safetensors: 9,
  pickle: 10,
  csv: 9,
  json: 7,
  jsonl: 9,
  judged: 8,
  detector: 8,
  gguf: 10,
  template: 2,
};
const OUTCOMES = ['fine', 'refused', 'inner', 'NaN', 'hang', 'memory', 'end'];

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    kinds: { type: 'string', default: KINDS.join(',') },
    /** Seconds for a file. */
    limit: { type: 'string', default: '10' },
    /** Folder of further undamaged files. */
    bases: { type: 'string' },
    /** Folder for the files that fail. */
    out: { type: 'string', default: 'fuzz-failures' },
  },
});
const kinds = options.kinds.split(',');
const unknown = kinds.find((kind) => !KINDS.includes(kind));
if (unknown !== undefined) {
  console.error(`no kind "${unknown}": there are ${KINDS.join(', ')}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'hneurons-fuzz-'));
const limitMs = 1000 * Number(options.limit);
const total = kinds.reduce((sum, kind) => sum + SHARES[kind], 0);
const counts = new Map();
const failures = [];
let child;

process.on('exit', () => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

writeCompanions(folder);
const start = performance.now();
for (const kind of kinds) {
  const bases = await basesOf(kind, options.bases);
  const count = Math.ceil((Number(options.files) * SHARES[kind]) / total);
  const row = Object.fromEntries(OUTCOMES.map((name) => [name, 0]));
  counts.set(kind, row);
  for (const [i, bytes] of bases.entries()) {
    const path = join(folder, `${kind}-base-${i}.${EXTENSIONS[kind]}`);
    writeFileSync(path, bytes);
    const { outcome, message } = await readOne(kind, path);
    // Changes of a file that is refused anyway show nothing.
    if (outcome !== 'fine') failures.push({ kind, index: -1 - i, outcome, message });
    if (outcome !== 'fine') console.log(`${kind}: undamaged file ${i}: ${outcome}: ${message.slice(0, 300)}`);
    rmSync(path, { force: true });
  }
  for (let index = Number(options.from); index < Number(options.from) + count; index++) {
    const path = join(folder, `${kind}-${options.seed}-${index}.${EXTENSIONS[kind]}`);
    writeFileSync(path, mutate(kind, bases, randomOf(options.seed, kind, index)));
    const { outcome, message } = await readOne(kind, path);
    row[outcome]++;
    if (outcome !== 'fine' && outcome !== 'refused') {
      mkdirSync(options.out, { recursive: true });
      copyFileSync(path, join(options.out, path.slice(folder.length + 1)));
      failures.push({ kind, index, outcome, message });
      console.log(`${kind} ${index}: ${outcome}: ${message.replaceAll('\n', ' | ').slice(0, 300)}`);
    }
    rmSync(path, { force: true });
  }
}

console.log(`\n${'kind'.padEnd(12)}${OUTCOMES.map((name) => name.padStart(9)).join('')}`);
for (const [kind, row] of counts) {
  console.log(`${kind.padEnd(12)}${OUTCOMES.map((name) => String(row[name]).padStart(9)).join('')}`);
}
const files = [...counts.values()]
  .flatMap((row) => Object.values(row))
  .reduce((sum, count) => sum + count, 0);
const seconds = Math.round((performance.now() - start) / 1000);
console.log(`\n${files} files, seed ${options.seed}, ${failures.length} failures, ${seconds} s`);
if (failures.length > 0) console.log(`the files are in ${options.out}`);
process.exit(failures.length > 0 ? 1 : 0);

async function readOne(kind, path) {
  const result = BY_COMMAND.has(kind)
    ? await readByCommand(kind, path, limitMs)
    : await readInChild(kind, path);
  const isClean = result.outcome === 'fine' || result.outcome === 'refused';
  if (!isClean || !(result.memory > GIB)) return result;
  return {
    ...result,
    outcome: 'memory',
    message: `${Math.round(result.memory / 2 ** 20)} MiB; ${result.message}`,
  };
}

/** The process goes on to the next file, unless this one was too much for it. */
async function readInChild(kind, path) {
  child ??= await startChild();
  let timer;
  const result = await new Promise((resolve) => {
    child.removeAllListeners('message').removeAllListeners('exit');
    child.once('message', resolve);
    child.once('exit', (code, signal) => resolve({ outcome: 'end', message: `${signal ?? code}` }));
    timer = setTimeout(() => resolve({ outcome: 'hang', message: '' }), limitMs);
    child.send({ kind, path });
  });
  clearTimeout(timer);
  const memory = memoryOf(child.pid);
  if (result.outcome === 'hang' || result.outcome === 'end' || memory > GIB) {
    child.kill('SIGKILL');
    child = undefined;
  }
  return { ...result, memory };
}

async function startChild() {
  const started = fork(new URL('./fuzz/child.js', import.meta.url).pathname, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  await new Promise((resolve, reject) => {
    started.once('message', resolve);
    started.once('exit', (code) => reject(new Error(`the reading process ended with ${code}: build first`)));
  });
  return started;
}
