import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type JsonlEntry, openJsonlWriter, readJsonl } from '../../src/formats/jsonl.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const newFolder = () => mkdtempSync(join(root, 't-'));

async function all(path: string, options?: { ignoreTorn?: boolean }): Promise<JsonlEntry[]> {
  const entries: JsonlEntry[] = [];
  for await (const entry of readJsonl(path, options)) entries.push(entry);
  return entries;
}

const moduleUrl = new URL('../../src/formats/jsonl.js', import.meta.url).href;

test('lines with U+2028, CRLF, blank lines and a byte order mark', async () => {
  const path = join(newFolder(), 'a.jsonl');
  writeFileSync(path, '\uFEFF{"a":"x\u2028y"}\r\n\n  \n{"a":2}');
  assert.deepEqual(await all(path), [
    { line: 1, value: { a: 'x\u2028y' } },
    { line: 4, value: { a: 2 } },
  ]);
});

test('a line longer than the read chunk, with a character across its border', async () => {
  const path = join(newFolder(), 'a.jsonl');
  const text = `${'x'.repeat((1 << 18) - 2)}€${'y'.repeat(1 << 18)}`;
  writeFileSync(path, `${JSON.stringify(text)}\n1\n`);
  assert.deepEqual(
    (await all(path)).map((entry) => entry.value),
    [text, 1],
  );
});

test('a broken line is named with its number', async () => {
  const path = join(newFolder(), 'a.jsonl');
  writeFileSync(path, '{"a":1}\n\n{"a":\n{"a":2}\n');
  await expectUserError(() => all(path), /a\.jsonl, line 3: not valid JSON/);
  writeFileSync(path, Buffer.from([0x31, 0x0a, 0x22, 0xff, 0x22, 0x0a]));
  await expectUserError(() => all(path), /line 2: not UTF-8/);
  await expectUserError(() => all(`${path}.none`), /none: no such file/);
});

test('a torn last line is an error unless it is to be ignored; a broken line before it always is', async () => {
  const path = join(newFolder(), 'a.jsonl');
  writeFileSync(path, '{"a":1}\n{"a":"€'.slice(0, -1));
  await expectUserError(() => all(path), /line 2/);
  assert.equal((await all(path, { ignoreTorn: true })).length, 1);
  writeFileSync(path, '{"a":\n{"a":1}\n');
  await expectUserError(() => all(path, { ignoreTorn: true }), /line 1/);
});

test('a writer cuts off a torn tail, keeps a whole object, and appends', async () => {
  const path = join(newFolder(), 'deep', 'a.jsonl');
  for (const [before, kept] of [
    ['', []],
    ['{"a":1}\n{"a":', [{ a: 1 }]],
    ['{"a":1}', [{ a: 1 }]],
    ['12\n34', [12]],
    [`{"a":1}\n{"a":"${'z'.repeat(600_000)}`, [{ a: 1 }]],
  ] as const) {
    openJsonlWriter(path).close();
    writeFileSync(path, before);
    const writer = openJsonlWriter(path);
    writer.append({ b: 'ü' });
    writer.close();
    assert.deepEqual(
      (await all(path)).map((entry) => entry.value),
      [...kept, { b: 'ü' }],
    );
  }
});

test('every line that a writer reported is there after kill -9', async () => {
  const path = join(newFolder(), 'a.jsonl');
  // `process.stdout.write` queues what a busy reader has not taken yet, for an event loop that this loop never reaches;
  // `writeSync` waits for the reader. The bound is for a reader that never kills.
  const code = `
    import { writeSync } from 'node:fs';
    import { openJsonlWriter } from ${JSON.stringify(moduleUrl)};
    const writer = openJsonlWriter(process.argv[1]);
    for (let i = 0; i < 20_000; i++) {
      writer.append({ i, pad: 'x'.repeat(i % 5000) });
      writeSync(1, i + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, path]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
    if (output.length > 2000) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
  assert.equal(signal, 'SIGKILL');
  const reported = Number(output.trimEnd().split('\n').at(-1));
  const values = (await all(path, { ignoreTorn: true })).map((entry) => (entry.value as { i: number }).i);
  assert.ok(reported > 100 && values.length > reported, `${reported} reported, ${values.length} there`);
  assert.deepEqual(
    values,
    values.map((_, i) => i),
  );
});

test('a full disk is named and leaves whole lines', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('this system has no /dev/full');
  const writer = openJsonlWriter('/dev/full');
  await expectUserError(() => writer.append({ a: 1 }), /\/dev\/full: the disk is full/);
  writer.close();

  // A limit on the file size makes the last write stop half-way, as a full disk does.
  const path = join(newFolder(), 'a.jsonl');
  const code = `
    import { openJsonlWriter } from ${JSON.stringify(moduleUrl)};
    const writer = openJsonlWriter(process.argv[1]);
    try { for (;;) writer.append({ pad: 'x'.repeat(300) }); } catch (error) { console.log(error.name, error.message); }`;
  const run = spawnSync(
    'bash',
    ['-c', 'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, code, path],
    { encoding: 'utf8' },
  );
  assert.match(run.stdout, /^UserError cannot write .*a\.jsonl/);
  assert.ok(readFileSync(path, 'utf8').endsWith('"}\n'));
  assert.ok((await all(path)).length > 10);
});

test('a line over the limit is refused with its number, or left out, and not kept in memory', async () => {
  const path = join(newFolder(), 'a.jsonl');
  writeFileSync(path, `1\n"${'x'.repeat(1 << 21)}"\n3\n`);
  const read = async (options: Parameters<typeof readJsonl>[1]) => {
    const values: unknown[] = [];
    for await (const { value } of readJsonl(path, options)) values.push(value);
    return values;
  };
  await expectUserError(() => read({ longest: 1 << 20 }), /a\.jsonl, line 2: longer than 1 MiB$/);
  assert.deepEqual(await read({ longest: 1 << 20, skipBroken: true }), [1, 3]);
  assert.equal((await read({})).length, 3);
});
