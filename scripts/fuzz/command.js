/** Models are read by the command itself: a changed one must end it with 0 and finite numbers, or with one line. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const dist = (path) => import(new URL(`../../dist/src/${path}`, import.meta.url));
const { openSafetensors } = await dist('formats/safetensors.js');

const CLI = new URL('../../bin/hneurons.js', import.meta.url).pathname;
const POLL_MS = 100;

/** The arguments for a kind, and the check of what it wrote or printed. */
const COMMANDS = {
  gguf: (path, out) => [
    ...['extract', '--cases', join(dirname(path), 'cases.jsonl'), '--model', path, '--out', out],
    ...['--threads', '1', '--device', 'cpu', '--quiet'],
  ],
  template: (path) => [
    ...['score', '--detector', join(dirname(path), 'detector.json'), '--model', path, '--force', '--json'],
    ...['--question', 'What is it?', '--answer', 'Lima', '--threads', '1', '--device', 'cpu', '--quiet'],
  ],
};

/** Reads a changed model; resolves to what came of it. */
export async function readByCommand(kind, path, limitMs) {
  const out = `${path}.safetensors`;
  const child = spawn(process.execPath, [CLI, ...COMMANDS[kind](path, out)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  let printed = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  child.stdout.on('data', (text) => {
    printed += text;
  });
  let memory = 0;
  const polling = setInterval(() => {
    memory = Math.max(memory, memoryOf(child.pid));
  }, POLL_MS);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    // The native process with it.
    process.kill(-child.pid, 'SIGKILL');
  }, limitMs);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(polling);
  clearTimeout(timer);
  try {
    if (late) return { outcome: 'hang', message: '', memory };
    return { ...(await judge(kind, code, said, printed, out)), memory };
  } finally {
    for (const file of [out, `${out}.done.jsonl`]) rmSync(file, { force: true });
  }
}

async function judge(kind, code, said, printed, out) {
  const message = said.slice(0, 600);
  if (code === 0) {
    const numbers = kind === 'gguf' ? await featuresOf(out) : numbersIn(printed);
    const wrong = numbers.findIndex((value) => !Number.isFinite(value));
    return wrong < 0
      ? { outcome: 'fine', message }
      : { outcome: 'NaN', message: `number ${wrong} is ${numbers[wrong]}` };
  }
  const lines = said.trimEnd().split('\n');
  const isLine = lines.length === 1 && lines[0].startsWith('hneurons: ') && !/unexpected error/.test(said);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for
  const isPlain = !/[\x00-\x08\x0b-\x1f\x7f]/.test(said);
  return { outcome: (code === 1 || code === 2) && isLine && isPlain ? 'refused' : 'inner', message };
}

async function featuresOf(path) {
  const { tensors } = await openSafetensors(path);
  const bytes = readFileSync(path);
  return [...tensors.values()].flatMap(({ offset, bytes: length }) => [
    ...new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length)),
  ]);
}

/** JSON has no NaN: null stands in its place. */
function numbersIn(printed) {
  const numbers = [];
  JSON.parse(printed, (key, value) => {
    if (/probability|risk|score/.test(key)) numbers.push(value ?? Number.NaN);
    return value;
  });
  return numbers.filter((value) => typeof value === 'number');
}

/** Peak memory of a process and of those that it started, in bytes; 0 where /proc does not tell. */
export function memoryOf(pid) {
  try {
    const [, kilobytes = 0] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean);
    return children.reduce((sum, one) => sum + memoryOf(one), 1024 * kilobytes);
  } catch {
    return 0;
  }
}
