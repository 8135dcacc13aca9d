import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { detectorCommands, quote } from '../../src/server/commands.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';
import { startOver } from './support.js';

const folder = temporaryFolder();
const unix = process.platform !== 'win32';

test('commands name the model as the server was given it, by a path that holds anywhere', () => {
  const alias = { spec: 'gemma-3-270m', name: 'gemma-3-270m', isFile: false };
  assert.deepEqual(detectorCommands(alias, {}).here, {
    find: 'npx hneurons find --model gemma-3-270m',
    serve: 'npx hneurons serve --model gemma-3-270m --detector runs/gemma-3-270m-builtin/detector.json',
  });
  assert.deepEqual(detectorCommands(alias, {}).elsewhere, detectorCommands(alias, {}).here);
  const hub = { spec: 'hf:owner/repo@main:Q8_0', name: 'repo:Q8', isFile: false };
  assert.match(detectorCommands(hub, {}).here.find, /--model hf:owner\/repo@main:Q8_0$/);
  assert.match(detectorCommands(hub, {}).here.serve, /--detector runs\/repo-Q8-builtin\/detector\.json$/);
  const file = { spec: 'models/qwen-b.gguf', name: 'qwen-b', isFile: true };
  const { here, elsewhere } = detectorCommands(file, { threads: 1, library: 'own/lib' });
  const at = (path: string) => quote(join(process.cwd(), path));
  assert.equal(
    here.find,
    `npx hneurons find --model ${at('models/qwen-b.gguf')} --threads 1 --library ${at('own/lib')}`,
  );
  assert.equal(
    elsewhere.find,
    'npx hneurons find --model FOLDER/qwen-b.gguf --threads 1 --library FOLDER/lib',
  );
});

test('a word is quoted so that the shell reads it as it is', { skip: !unix }, () => {
  for (const word of [
    'plain.gguf',
    'a b',
    "it's",
    '"',
    '$HOME',
    '`id`',
    'a\\b',
    'ä/é.gguf',
    '*',
    '-x',
    '#',
    '',
  ]) {
    const read = execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' });
    assert.equal(read, word);
  }
  assert.equal(quote('C:\\my models\\a.gguf', 'win32'), '"C:\\my models\\a.gguf"');
});

test('a path is told to this machine alone', async () => {
  const model = join(folder, 'tiny.gguf');
  const { config } = await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const { architecture, layers, ffn, hidden, vocab } = config;
  const served = {
    name: 'tiny',
    sha256: 'fa4e',
    architecture,
    quantisation: 'F32',
    layers,
    ffn,
    hidden,
    vocab,
  };
  const commands = detectorCommands({ spec: model, name: 'tiny', isFile: true }, {});
  const server = await startOver(model, served, undefined, {}, {}, undefined, commands);
  const find = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/api/info`, { headers });
    return ((await response.json()) as { commands: { find: string } }).commands.find;
  };
  assert.ok((await find()).includes(folder));
  for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
    assert.equal(await find({ [name]: '203.0.113.5' }), 'npx hneurons find --model FOLDER/tiny.gguf');
  }
});

test('the command of the page finds the model, whatever its path and wherever it is typed', {
  skip: !unix,
}, async () => {
  const odd = join(folder, "it's a $HOME model");
  mkdirSync(odd);
  const model = join(odd, 'q"b.gguf');
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const { here } = detectorCommands({ spec: model, name: 'q"b', isFile: true }, {});
  // What is typed reaches the program as it was meant.
  const args = spawnSync('sh', ['-c', here.find.replace('npx hneurons', 'printf "%s\\n"')], { cwd: '/' });
  assert.deepEqual(args.stdout.toString().trim().split('\n'), ['find', '--model', model]);
});
