import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Environment } from '../../src/cli/environment.js';
import { main } from '../../src/cli/main.js';
import type { EngineOptions } from '../../src/engine/index.js';
import { parseMemorySize } from '../../src/engine/memory-size.js';
import { UserError } from '../../src/errors.js';
import { checkOptions } from '../../src/library/check.js';
import { engineChoice } from '../../src/library/engine-choice.js';
import { OPEN } from '../../src/library/rules.js';
import { modelSha256 } from '../../src/models/index.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
const model = join(folder, 'tiny.gguf');
const responses = join(folder, 'responses.jsonl');

before(async () => {
  await writeTinyModel(model, { architecture: 'llama' });
  writeFileSync(
    responses,
    `${JSON.stringify({ question: 'Capital of Peru?', aliases: ['Lima'], response: 'It is Lima.' })}\n`,
  );
});

/** Runs a command up to the first model that it opens. */
async function run(...args: string[]) {
  const opened: EngineOptions[] = [];
  const environment: Environment = {
    openEngine: async (options) => {
      opened.push(options);
      throw new UserError('far enough');
    },
    modelSha256,
    resolveModel: async (spec) => ({ path: spec, name: basename(spec, '.gguf'), source: spec }),
  };
  let stderr = '';
  const status = await main(args, environment, {
    stdout: { write: () => {} },
    stderr: {
      write: (text: string) => {
        stderr += text;
      },
    },
  });
  return { opened, stderr, status };
}

describe('what a model runs on reaches the engine from each command', () => {
  const flags = ['--device', 'cuda', '--gpu-layers', '7', '--split', '3,1', '--split-mode', 'row'];
  flags.push('--main-gpu', '1', '--memory', '1.5GiB', '--threads', '2');
  const want = {
    device: 'cuda',
    gpuLayers: 7,
    split: [3, 1],
    splitMode: 'row',
    mainGpu: 1,
    memory: 1.5 * 2 ** 30,
    threads: 2,
  };
  const commands: Record<string, () => string[]> = {
    find: () => ['find', '--model', model, '--limit', '4', '--out', join(folder, 'find')],
    collect: () => ['collect', '--model', model, '--limit', '4', '--out', join(folder, 'collect')],
    serve: () => ['serve', '--model', model, '--port', '0'],
    'a local judge': () => ['judge', responses, '--judge', `local:${model}`],
  };
  for (const [name, args] of Object.entries(commands))
    it(name, async () => {
      const { opened, stderr } = await run(...args(), ...flags);
      assert.equal(opened.length, 1, stderr);
      const got = Object.fromEntries(
        Object.keys(want).map((key) => [key, opened[0][key as keyof EngineOptions]]),
      );
      assert.deepEqual(got, want);
    });
});

describe('values that cannot be are refused in one line', () => {
  const table: [string[], RegExp][] = [
    [['--memory', '4'], /number with MB, GB, MiB or GiB, such as 4GiB/],
    [['--memory', '4kB'], /number with MB, GB, MiB or GiB/],
    [['--memory', '-1GiB'], /number with MB, GB, MiB or GiB/],
    [['--memory', '1e3GiB'], /number with MB, GB, MiB or GiB/],
    [['--memory', '0GiB'], /from 64MiB to 1024TiB/],
    [['--memory', '10MB'], /from 64MiB to 1024TiB/],
    [['--memory', '99999TiB'], /from 64MiB to 1024TiB/],
    [['--split', '3;1'], /numbers with commas between them, such as 3,1/],
    [['--split', '0,0'], /numbers with commas/],
    [['--split', '3,,1'], /numbers with commas/],
    [['--split', '-3,1'], /numbers with commas/],
    [['--split-mode', 'tensor'], /Allowed choices are none, layer, row/],
    [['--main-gpu', '1.5'], /whole number/],
  ];
  for (const [flags, message] of table)
    it(flags.join(' '), async () => {
      const { opened, stderr, status } = await run('serve', '--model', model, ...flags);
      assert.equal(opened.length, 0);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    });

  it('in the library too', async () => {
    const refused = (options: Parameters<typeof engineChoice>[0], message: RegExp) =>
      expectUserError(async () => {
        checkOptions('Model.open', options, OPEN);
        engineChoice(options);
      }, message);
    await refused({ memory: 'much' }, /^memory must be a number with MB/);
    await refused({ memory: 12 }, /^memory must be from 64MiB/);
    await refused({ memory: Number.NaN }, /^(Model\.open: )?memory must be/);
    await refused({ split: [] }, /split must be proportions/);
    await refused({ split: [1, -1] }, /split must be proportions/);
    await refused({ mainGpu: -1 }, /mainGpu must be a whole number/);
    assert.equal(engineChoice({ memory: '4GiB' }).memory, 4 * 2 ** 30);
    assert.equal(engineChoice({ memory: 2 ** 31 }).memory, 2 ** 31);
  });
});

it('memory sizes are read with their units', () => {
  assert.equal(parseMemorySize('512MB'), 512e6);
  assert.equal(parseMemorySize('1.5 gib'), 1.5 * 2 ** 30);
  assert.equal(parseMemorySize('80GB'), 80e9);
  assert.equal(parseMemorySize('1TiB'), 2 ** 40);
});
