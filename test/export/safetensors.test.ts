import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bakeSafetensors } from '../../src/export/bake-safetensors.js';
import { loraB } from '../../src/export/lora-b.js';
import { writePeftAdapter } from '../../src/export/peft.js';
import { ExportRecordSchema } from '../../src/export/record.js';
import { openSafetensors } from '../../src/formats/safetensors.js';
import { downColumns } from '../../src/weights/columns.js';
import { openWeights } from '../../src/weights/open.js';
import { rowReader } from '../../src/weights/rows.js';
import type { FfnPart } from '../../src/weights/types.js';
import { detectorOf } from '../support/detector.js';
import { expectUserError } from '../support/expect-user-error.js';
import {
  FFN,
  HIDDEN,
  LAYERS,
  type Layout,
  weights as original,
  PARTS,
  type PlainType,
  plainBytes,
  writeCheckpoint,
  writeFfnGguf,
  writeTensors,
} from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const CHOSEN: [number, number][] = [
  [0, 1],
  [0, FFN - 1],
  [2, 7],
];
const detectorFor = (architecture: string) =>
  detectorOf({ architecture, layers: LAYERS, ffn: FFN }, CHOSEN, [[1, 1]]);

/** A matrix as `[ffn, hidden]` for up and gate, `[hidden, ffn]` for down, however it is stored. */
async function matrixOf(path: string, layer: number, part: FfnPart): Promise<Float32Array | undefined> {
  const stored = (await openWeights(path)).matrix(layer, part);
  if (!stored) return undefined;
  const file = openSync(stored.file, 'r');
  const values = rowReader(stored, file, stored.rows).read(0, stored.rows).slice();
  closeSync(file);
  const turned = (part === 'down') === (stored.neurons === 'rows');
  if (!turned) return values;
  const { rows, columns } = stored;
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

async function assertBaked(out: string, source: string, part: FfnPart, alpha: number, dtype: PlainType) {
  for (let layer = 0; layer < LAYERS; layer++) {
    const wanted = CHOSEN.filter(([l]) => l === layer).map(([, j]) => j);
    for (const one of PARTS) {
      const before = await matrixOf(source, layer, one);
      const want = before?.slice();
      if (one === part && want) {
        for (let i = 0; i < want.length; i++) {
          const j = one === 'down' ? i % FFN : Math.floor(i / HIDDEN);
          if (wanted.includes(j)) want[i] *= alpha;
        }
      }
      const got = await matrixOf(out, layer, one);
      assert.deepEqual(
        got && new Uint8Array(plainBytes(got, dtype)),
        want && new Uint8Array(plainBytes(want, dtype)),
        `layer ${layer}, ${one}`,
      );
    }
  }
}

for (const [layout, dtype, sharded] of [
  ['llama', 'F32', false],
  ['llama', 'F16', true],
  ['llama', 'BF16', true],
  ['phi3', 'BF16', false],
  ['gpt2', 'F32', false],
] as [Layout, PlainType, boolean][]) {
  test(`a checkpoint of ${layout} in ${dtype}${sharded ? ', in shards' : ''}: only the neurons' numbers differ`, async () => {
    const name = `${layout}-${dtype}`;
    const source = writeCheckpoint(at(name), { moved: false, layout, dtype, sharded });
    writeFileSync(join(source, 'README.md'), 'read me');
    writeFileSync(join(source, 'pytorch_model.bin'), 'the plain weights');
    mkdirSync(join(source, 'onnx'));
    const before = readdirSync(source).map((file) => [
      file,
      file === 'onnx' || readFileSync(join(source, file)),
    ]);
    const out = at(`${name}-baked`);
    const baked = await bakeSafetensors({
      checkpoint: source,
      detector: detectorFor(layout),
      alpha: 1.5,
      out,
    });
    await assertBaked(out, source, layout === 'gpt2' ? 'down' : 'up', 1.5, dtype);
    assert.equal(baked.bytes, CHOSEN.length * HIDDEN * (dtype === 'F32' ? 4 : 2));

    let differing = 0;
    for (const file of readdirSync(source)) {
      if (file === 'onnx' || file === 'pytorch_model.bin') assert.ok(!existsSync(join(out, file)), file);
      else if (!file.endsWith('.safetensors')) {
        assert.deepEqual(readFileSync(join(out, file)), readFileSync(join(source, file)));
      } else {
        const [a, b] = [source, out].map((path) => readFileSync(join(path, file)));
        assert.equal(a.length, b.length);
        for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) differing++;
      }
    }
    assert.ok(differing > 0 && differing <= baked.bytes, `${differing} bytes differ`);
    assert.deepEqual(
      readdirSync(source).map((file) => [file, file === 'onnx' || readFileSync(join(source, file))]),
      before,
      'the original is as it was',
    );
    const record = ExportRecordSchema.parse(JSON.parse(readFileSync(join(out, 'hneurons.json'), 'utf8')));
    assert.equal(record.alpha, 1.5);
    assert.deepEqual(record.neurons, CHOSEN);
    await expectUserError(
      () => bakeSafetensors({ checkpoint: out, detector: detectorFor(layout), alpha: 2, out: at('twice') }),
      /has an alpha baked in already/,
    );
  });
}

test('a bias of W_up is scaled with it', async () => {
  const source = at('biased');
  mkdirSync(source);
  const tensors = Array.from({ length: LAYERS }, (_, layer) => [
    ...PARTS.map((part) => ({
      name: `model.layers.${layer}.mlp.${part}_proj.weight`,
      dtype: 'F32',
      shape: part === 'down' ? [HIDDEN, FFN] : [FFN, HIDDEN],
      data: plainBytes(original(layer, part, false), 'F32'),
    })),
    {
      name: `model.layers.${layer}.mlp.up_proj.bias`,
      dtype: 'F32',
      shape: [FFN],
      data: plainBytes(new Float32Array(FFN).fill(4), 'F32'),
    },
  ]).flat();
  writeTensors(join(source, 'model.safetensors'), tensors);
  const out = at('biased-baked');
  await bakeSafetensors({ checkpoint: source, detector: detectorFor('llama'), alpha: 0.5, out });
  const { tensors: after } = await openSafetensors(join(out, 'model.safetensors'));
  const { offset, bytes } = after.get('model.layers.0.mlp.up_proj.bias')!;
  const file = new Uint8Array(readFileSync(join(out, 'model.safetensors')).subarray(offset, offset + bytes));
  const want = new Float32Array(FFN).fill(4);
  want[1] = 2;
  want[FFN - 1] = 2;
  assert.deepEqual(new Float32Array(file.buffer), want);
  await assertBaked(out, source, 'up', 0.5, 'F32');
});

test('columns of W_down are the same from every kind of file', async () => {
  const wanted = [5, 0, FFN - 1];
  const values = original(1, 'down', false);
  const want = wanted.map((j) => Float32Array.from({ length: HIDDEN }, (_, i) => values[i * FFN + j]));
  const paths = [
    writeCheckpoint(at('c-llama'), { moved: false }),
    writeCheckpoint(at('c-gpt2'), { moved: false, layout: 'gpt2' }),
    await writeFfnGguf(at('c.gguf'), { moved: false, type: 'F32' }),
  ];
  for (const path of paths) {
    const weights = await openWeights(path);
    const columns = downColumns(
      weights,
      wanted.map((j) => FFN + j),
    );
    assert.deepEqual(columns, want, path);
    const b = loraB(weights, 1, wanted, { factor: -2, rank: 4 });
    assert.deepEqual(
      Array.from(b),
      Array.from({ length: 4 * HIDDEN }, (_, at) => (at % 4 < 3 ? -2 * want[at % 4][Math.floor(at / 4)] : 0)),
    );
  }
  const gone = await openWeights(paths[2]);
  rmSync(paths[2]);
  await expectUserError(() => downColumns(gone, [0]), /^cannot read .*c\.gguf: no such file/);
});

test('an adapter holds no number beyond float32', async () => {
  const path = writeCheckpoint(at('huge'), { moved: false });
  const weights = await openWeights(path);
  // Row 3 of neuron 7.
  const { file, offset, rowBytes } = weights.matrix(2, 'down')!;
  const write = (value: number) => {
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, Buffer.from(Float32Array.of(value).buffer), 0, 4, offset + 3 * rowBytes + 4 * 7);
    closeSync(descriptor);
  };
  const detector = detectorFor('llama');
  const overflow = /neuron 2:7 has a weight of .* in W_down, and 999 times that is no number of float32/;
  const damaged = /model\.layers\.2\.mlp\.down_proj\.weight holds values that are not finite/;
  for (const [value, message] of [
    [1e37, overflow],
    [Number.NaN, damaged],
  ] as const) {
    write(value);
    const out = at('huge-out');
    await expectUserError(() => writePeftAdapter({ weights: path, detector, alpha: 1000, out }), message);
    assert.equal(existsSync(out), false);
  }
  write(1e37);
  assert.equal(loraB(weights, 2, [7], { factor: 2 })[3], Math.fround(2 * Math.fround(1e37)));
});

async function readPeft(path: string): Promise<Map<string, { shape: number[]; values: Float32Array }>> {
  const file = readFileSync(join(path, 'adapter_model.safetensors'));
  const { tensors } = await openSafetensors(join(path, 'adapter_model.safetensors'));
  return new Map(
    [...tensors].map(([name, { shape, offset, bytes, dtype }]) => {
      assert.equal(dtype, 'F32');
      return [
        name,
        { shape, values: new Float32Array(new Uint8Array(file.subarray(offset, offset + bytes)).buffer) },
      ];
    }),
  );
}

for (const [layout, prefix, target] of [
  ['llama', 'model.layers.', 'mlp.down_proj'],
  ['phi3', 'model.layers.', 'mlp.down_proj'],
  ['gpt2', 'transformer.h.', 'mlp.c_proj'],
] as [Layout, string, string][]) {
  test(`the PEFT adapter of ${layout} adds (alpha - 1) W_down[:, J] z_J`, async () => {
    const checkpoint = writeCheckpoint(at(`peft-${layout}`), { moved: false, layout });
    const out = at(`peft-${layout}-out`);
    const alpha = 3;
    const { rank } = await writePeftAdapter({
      weights: checkpoint,
      detector: detectorFor(layout),
      alpha,
      out,
    });
    assert.equal(rank, 8);
    const config = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'));
    assert.deepEqual(config.target_modules, [target]);
    assert.deepEqual(config.layers_to_transform, [0, 2]);
    assert.deepEqual([config.r, config.lora_alpha, config.peft_type], [8, 8, 'LORA']);
    assert.equal(config.fan_in_fan_out, layout === 'gpt2');
    const tensors = await readPeft(out);
    assert.equal(tensors.size, 4);
    for (const layer of [0, 2]) {
      const a = tensors.get(`base_model.model.${prefix}${layer}.${target}.lora_A.weight`)!;
      const b = tensors.get(`base_model.model.${prefix}${layer}.${target}.lora_B.weight`)!;
      assert.deepEqual(
        [a.shape, b.shape],
        [
          [8, FFN],
          [HIDDEN, 8],
        ],
      );
      const z = Float64Array.from({ length: FFN }, (_, j) => Math.sin(j + layer));
      const inner = Array.from({ length: 8 }, (_, k) =>
        z.reduce((sum, v, j) => sum + a.values[k * FFN + j] * v, 0),
      );
      const down = original(layer, 'down', false);
      for (let i = 0; i < HIDDEN; i++) {
        const got = inner.reduce((sum, v, k) => sum + b.values[i * 8 + k] * v, 0);
        const want = CHOSEN.filter(([l]) => l === layer).reduce(
          (sum, [, j]) => sum + (alpha - 1) * down[i * FFN + j] * z[j],
          0,
        );
        assert.ok(Math.abs(got - want) < 1e-6, `${got} for ${want}`);
      }
    }
  });
}

test('the rank is the next power of two of the fullest layer', async () => {
  const checkpoint = writeCheckpoint(at('rank'), { moved: false });
  const many = Array.from({ length: 9 }, (_, j): [number, number] => [1, 3 * j]);
  const detector = detectorOf({ architecture: 'llama', layers: LAYERS, ffn: FFN }, [...many, [0, 4]]);
  const out = at('rank-out');
  assert.deepEqual(await writePeftAdapter({ weights: checkpoint, detector, alpha: 0, out }), { rank: 16 });
  for (const [name, { shape }] of await readPeft(out)) {
    assert.deepEqual(shape, /lora_A/.test(name) ? [16, FFN] : [HIDDEN, 16]);
  }
});

test('from a GGUF the names come from its architecture; one that is not known is refused', async () => {
  const gguf = await writeFfnGguf(at('known.gguf'), { moved: false, type: 'Q8_0', fused: true });
  const out = at('from-gguf');
  await writePeftAdapter({ weights: gguf, detector: detectorFor('phi3'), alpha: 2, out });
  const names = [...(await readPeft(out)).keys()];
  assert.ok(names.includes('base_model.model.model.layers.2.mlp.down_proj.lora_B.weight'), names.join());
  const { moduleNames } = await import('../../src/export/module-names.js');
  const weights = { ...(await openWeights(gguf)), architecture: 'mystery' };
  await expectUserError(
    () => moduleNames(weights),
    /mystery models .* give the checkpoint itself with --checkpoint/,
  );
});

test('a Gemma 3 GGUF of a size that has a vision tower is refused, and the names of its checkpoint are taken', async () => {
  const { moduleNames } = await import('../../src/export/module-names.js');
  const gguf = await openWeights(await writeFfnGguf(at('gemma.gguf'), { moved: false, type: 'F32' }));
  for (const layers of [18, 26]) {
    assert.equal(moduleNames({ ...gguf, architecture: 'gemma3', layers }).prefix, 'model.layers.');
  }
  for (const layers of [34, 48, 62]) {
    const weights = { ...gguf, architecture: 'gemma3', layers };
    await expectUserError(() => moduleNames(weights), /vision tower.*original checkpoint with --checkpoint/);
  }
  const checkpoint = await openWeights(writeCheckpoint(at('vision'), { moved: false }));
  const named = (prefix: string) => ({
    ...checkpoint,
    matrix: () => ({ ...checkpoint.matrix(0, 'down')!, tensor: `${prefix}0.mlp.down_proj.weight` }),
  });
  for (const prefix of ['language_model.model.layers.', 'model.language_model.layers.']) {
    assert.equal(moduleNames(named(prefix)).prefix, prefix);
  }
});
