import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { NeuronListSchema } from '../../src/export/neuron-list.js';
import { detectorOf } from '../support/detector.js';
import { FFN, LAYERS, writeCheckpoint } from '../support/ffn-files.js';
import { runCli } from '../support/run-cli.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const root = temporaryFolder();
const at = (name: string) => join(root, name);
const model = at('tiny.gguf');
const detector = at('detector.json');

before(async () => {
  await writeTinyModel(model, { architecture: 'llama' });
  const shape = { architecture: 'llama', layers: LAYERS, ffn: FFN, path: model };
  writeFileSync(
    detector,
    JSON.stringify(
      detectorOf(
        shape,
        [
          [0, 1],
          [2, 7],
          [1, 3],
        ],
        [[1, 1]],
      ),
    ),
  );
});

const run = (...args: string[]) => runCli('export', '--quiet', ...args);

async function assertRefused(args: string[], code: 1 | 2, ...patterns: RegExp[]): Promise<void> {
  const { status, stderr, stdout } = await run(...args);
  assert.equal(status, code, stderr);
  assert.match(stderr, /^hneurons: [^\n]+\n$/, 'one line');
  assert.equal(stdout, '');
  for (const pattern of patterns) assert.match(stderr, pattern);
}

test('each kind goes where it is told, and says how it is used', async () => {
  const kinds: [string[], RegExp][] = [
    [['gguf-lora', '--model', model], /adapter of 3 H-Neurons; its scale is alpha - 1.*--lora-scaled .*:1/],
    [['gguf-lora', '--model', model, '--alpha', '2'], /at alpha 2; load it with scale 1/],
    [['gguf-baked', '--model', model, '--alpha', '0'], /3 H-Neurons at alpha 0 \(rows of W_up/],
    [['peft', '--model', model, '--alpha=-1'], /at alpha -1, rank 8: vllm serve .*--max-lora-rank 8/],
  ];
  for (const [i, [args, said]] of kinds.entries()) {
    const out = at(`out-${i}`);
    const { status, stdout, stderr } = await run('--detector', detector, '--out', out, '--as', ...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, said);
    assert.ok(existsSync(out));
  }
  const json = await run(
    '--as',
    'gguf-baked',
    '--detector',
    detector,
    '--model',
    model,
    '--alpha',
    '2',
    '--out',
    at('j.gguf'),
    '--json',
  );
  const result = JSON.parse(json.stdout);
  assert.deepEqual([result.neurons, result.alpha, result.rounding, result.bytes], [3, 2, 0, 3 * 64 * 4]);
});

test('the list of neurons as JSON and CSV, largest weight first', async () => {
  const { status } = await run('--as', 'neurons', '--detector', detector, '--out', at('list.csv'));
  assert.equal(status, 0);
  const list = NeuronListSchema.parse(JSON.parse(readFileSync(at('list.json'), 'utf8')));
  assert.deepEqual(
    list.neurons.map(({ layer, index, hNeuron }) => [layer, index, hNeuron]),
    [
      [1, 3, true],
      [2, 7, true],
      [0, 1, true],
      [1, 1, false],
    ],
  );
  const rows = parse(readFileSync(at('list.csv'), 'utf8'), { columns: true, cast: false }) as unknown[];
  assert.deepEqual(rows[0], { layer: '1', index: '3', weight: '4.5', hNeuron: 'true' });
  assert.equal(rows.length, 4);
});

test('what cannot be meant is refused before anything is written', async () => {
  const names = readdirSync(root).sort();
  const baked = ['--as', 'gguf-baked', '--detector', detector, '--model', model];
  const out = ['--out', at('never')];
  for (const alpha of ['two', 'NaN', 'Infinity', '-Infinity', '', '1e39']) {
    await assertRefused([...baked, ...out, `--alpha=${alpha}`], 2, /--alpha/, /number from -1000 to 1000/);
  }
  await assertRefused([...baked, ...out], 2, /needs --alpha A/);
  await assertRefused([...baked, '--alpha', '2'], 2, /needs --out PATH/);
  await assertRefused(['--as', 'gguf-lora', ...out], 2, /needs --detector/);
  await assertRefused(['--as', 'exe', ...out], 2, /gguf-lora/);
  await assertRefused([...baked, ...out, '--alpha', '2', '--checkpoint', root], 2, /not from a --checkpoint/);
  await assertRefused([...baked, ...out, '--alpha', '2', '--run', root], 2, /--run and --format/);
  await assertRefused(
    ['--as', 'neurons', '--detector', detector, ...out, '--alpha', '2'],
    2,
    /means nothing/,
  );
  const original = ['--as', 'safetensors-baked', '--detector', detector, '--alpha', '2'];
  await assertRefused([...original, ...out], 2, /needs --checkpoint FOLDER/);
  await assertRefused(['--alpha', '2', ...out], 2, /--alpha needs --as/);
  await assertRefused([...baked.slice(0, -1), root, ...out, '--alpha', '2'], 1, /is a folder/);
  await assertRefused([...original, ...out, '--checkpoint', root], 1, /neither model\.safetensors nor/);
  assert.deepEqual(readdirSync(root).sort(), names);
});

test('a detector of another model is refused; the same shape passes with --force', async () => {
  const other = at('other.gguf');
  await writeTinyModel(other, { architecture: 'llama', seed: 9 });
  const args = ['--as', 'gguf-baked', '--detector', detector, '--alpha', '2', '--out', at('forced.gguf')];
  await assertRefused([...args, '--model', other], 1, /trained on another file of this shape.*--force/);
  assert.equal((await run(...args, '--model', other, '--force')).status, 0);
  const wider = at('wider.gguf');
  await writeTinyModel(wider, { architecture: 'llama', ffn: 128 });
  await assertRefused([...args, '--model', wider, '--force'], 1, /the detector is for tiny .*not for wider/);

  const checkpoint = writeCheckpoint(at('qwen'), { moved: false, architecture: 'qwen2' as never });
  const peft = [
    '--as',
    'peft',
    '--detector',
    detector,
    '--alpha',
    '2',
    '--checkpoint',
    checkpoint,
    '--out',
    at('q'),
  ];
  await assertRefused(peft, 1, /a llama model, and .*qwen is of the architecture qwen2/, /--force/);
  assert.equal((await run(...peft, '--force')).status, 0);
  const deep = at('deep.json');
  writeFileSync(deep, JSON.stringify(detectorOf({ architecture: 'llama', layers: 9, ffn: FFN }, [[8, 1]])));
  await assertRefused(
    [
      '--as',
      'peft',
      '--detector',
      deep,
      '--alpha',
      '2',
      '--checkpoint',
      checkpoint,
      '--out',
      at('d'),
      '--force',
    ],
    1,
    /9 layers of 96 neurons\), not for .*qwen \(3 x 96\)/,
  );
});

test('a detector without H-Neurons has nothing to scale', async () => {
  const none = at('none.json');
  writeFileSync(
    none,
    JSON.stringify(detectorOf({ architecture: 'llama', layers: LAYERS, ffn: FFN }, [], [[0, 1]])),
  );
  await assertRefused(
    ['--as', 'gguf-lora', '--detector', none, '--model', model, '--out', at('none.gguf')],
    1,
    /no H-Neurons/,
  );
});

test('what is there stays, unless --force; inputs and foreign folders stay even then', async () => {
  const base = ['--as', 'gguf-baked', '--detector', detector, '--model', model, '--alpha', '2'];
  writeFileSync(at('mine.gguf'), 'mine');
  await assertRefused([...base, '--out', at('mine.gguf')], 2, /mine\.gguf is there already.*--force/);
  assert.equal(readFileSync(at('mine.gguf'), 'utf8'), 'mine');
  assert.equal((await run(...base, '--out', at('mine.gguf'), '--force')).status, 0);
  assert.equal(readFileSync(at('mine.gguf')).toString('latin1', 0, 4), 'GGUF');

  const originals = [model, detector].map((path) => readFileSync(path));
  for (const path of [model, detector]) {
    await assertRefused([...base, '--out', path, '--force'], 2, /what the export is made from/);
  }
  assert.deepEqual(
    [model, detector].map((path) => readFileSync(path)),
    originals,
  );

  const checkpoint = writeCheckpoint(at('hold/checkpoint'), { moved: false });
  const folder = ['--detector', detector, '--alpha', '2', '--checkpoint', checkpoint, '--force'];
  for (const out of [checkpoint, at('hold')]) {
    await assertRefused(
      ['--as', 'safetensors-baked', ...folder, '--out', out],
      2,
      /what the export is made from/,
    );
  }
  mkdirSync(at('photos'));
  writeFileSync(at('photos/one.jpg'), '');
  await assertRefused(
    ['--as', 'peft', ...folder, '--out', at('photos')],
    2,
    /holds other things than an export/,
  );
  await assertRefused(
    ['--as', 'peft', ...folder, '--out', at('mine.gguf')],
    2,
    /is a file, the export a folder/,
  );
  assert.ok(existsSync(at('photos/one.jpg')));
  assert.equal((await run('--as', 'peft', ...folder, '--out', at('peft'))).status, 0);
  writeFileSync(join(at('peft'), 'old.txt'), '');
  assert.equal((await run('--as', 'peft', ...folder, '--out', at('peft'))).status, 0);
  assert.deepEqual(readdirSync(at('peft')).sort(), [
    'adapter_config.json',
    'adapter_model.safetensors',
    'hneurons.json',
  ]);
  assert.ok(!readdirSync(root).some((name) => name.endsWith('.tmp')), 'nothing temporary is left');
});
