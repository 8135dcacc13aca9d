import assert from 'node:assert/strict';
import { it } from 'node:test';
import koffi from 'koffi';
import { TENSOR } from '../../src/engine/native/abi.js';
import type { Pointer } from '../../src/engine/native/llama.js';
import type { LoadedModel } from '../../src/engine/native/model.js';
import { makeTap } from '../../src/engine/read/tap.js';

/** Tensors made by hand, as a scheduler with several devices lays them down: copies of weights, padded rows, device memory. */
const MUL_MAT = 29;
const [HIDDEN, FFN, LAYERS] = [3, 4, 2];
const Evaluate = koffi.proto('bool hneurons_test_evaluate(void *tensor, bool ask, void *user)');

interface Fields {
  name: string;
  op?: number;
  type?: number;
  ne?: number[];
  /** Bytes from row to row; default: no gap. */
  stride?: number;
  sources?: Pointer[];
  buffer?: Pointer;
  data?: Pointer;
}

const allocate = (bytes: number): Pointer => koffi.address(koffi.alloc('uint8_t', bytes));
const put = (at: Pointer, offset: number, type: string, value: unknown) =>
  koffi.encode(at + BigInt(offset), 0, type, value);

function fill(tensor: Pointer, fields: Fields): Pointer {
  const {
    name,
    op = 0,
    type = 0,
    ne = [1, 1],
    stride = ne[0] * 4,
    sources = [],
    buffer = 0n,
    data = 0n,
  } = fields;
  const bytes = new Uint8Array(koffi.view(tensor, TENSOR.size));
  bytes.fill(0);
  put(tensor, TENSOR.type, 'int32_t', type);
  put(tensor, TENSOR.buffer, 'uint64_t', buffer);
  [ne[0], ne[1], 1, 1].forEach((n, i) => {
    put(tensor, TENSOR.ne + 8 * i, 'int64_t', n);
  });
  put(tensor, TENSOR.nb, 'int64_t', 4);
  put(tensor, TENSOR.nb + 8, 'int64_t', stride);
  put(tensor, TENSOR.op, 'int32_t', op);
  sources.forEach((source, i) => {
    put(tensor, TENSOR.src + 8 * i, 'uint64_t', source);
  });
  put(tensor, TENSOR.data, 'uint64_t', data);
  bytes.set(Buffer.from(name), TENSOR.name);
  return tensor;
}

const make = (fields: Fields): Pointer => fill(allocate(TENSOR.size), fields);

function floats(values: number[]): Pointer {
  const memory = allocate(values.length * 4);
  new Float32Array(koffi.view(memory, values.length * 4)).set(values);
  return memory;
}

function rig() {
  const heard: { layer: number; z: number[]; h: number[]; tokens: number }[] = [];
  const copied: [offset: number, size: number][] = [];
  const model = {
    info: { layers: LAYERS, ffn: FFN, hidden: HIDDEN },
    llama: {
      mulMatOp: MUL_MAT,
      bufferIsHost: (buffer: Pointer) => buffer === 1n,
      /** As `ggml_backend_tensor_get`: the bytes of device memory. */
      tensorGet(tensor: Pointer, target: Float32Array, offset: number, size: number) {
        copied.push([offset, size]);
        const data: bigint = BigInt(koffi.decode(tensor, TENSOR.data, 'uint64_t') as bigint | number);
        target.set(new Float32Array(koffi.view(data + BigInt(offset), size)).subarray(0, size / 4));
      },
    },
  } as unknown as LoadedModel;
  const layers = new Uint8Array(LAYERS).fill(1);
  const tap = makeTap(
    model,
    (layer, z, h, tokens) => {
      heard.push({ layer, z: Array.from(z), h: Array.from(h), tokens });
    },
    undefined,
    { layers, rows: () => 2 },
  );
  const call = (tensor: Pointer, ask: boolean): boolean =>
    koffi.call(tap.callback, Evaluate, tensor, ask, null);
  return { tap, heard, copied, call };
}

const H = [1, 2, 3, 4, 5, 6];
const Z = [1, -2, 3, -4, 5, -6, 7, -8];
const down = (weight: Pointer, z: Pointer, buffer = 0n): Pointer =>
  make({ name: 'node', op: MUL_MAT, ne: [HIDDEN, 2], sources: [weight, z], buffer, data: floats(H) });

it('a copy of a weight at the address of another one is taken for what it is', () => {
  const { tap, heard, call } = rig();
  const z = make({ name: 'z', ne: [FFN, 2], data: floats(Z) });
  const copy = make({ name: 'GPU0#blk.1.ffn_down.weight#0' });
  const node = down(copy, z);
  assert.equal(call(node, true), true);
  call(node, false);
  fill(copy, { name: 'GPU0#blk.0.ffn_up.weight#0' });
  assert.equal(call(node, true), false);
  fill(copy, { name: 'GPU0#blk.0.ffn_down.weight#0' });
  assert.equal(call(node, true), true);
  call(node, false);
  // What an attention multiplies with is computed; its address may be any.
  fill(copy, { name: 'blk.0.ffn_down.weight', op: MUL_MAT });
  assert.equal(call(node, true), false);
  assert.equal(tap.error, undefined);
  assert.deepEqual(
    heard.map(({ layer }) => layer),
    [1, 0],
  );
  tap.free();
});

it('rows with a gap between them, and device memory, are copied row by row or whole', () => {
  const { tap, heard, copied, call } = rig();
  const weight = make({ name: 'blk.0.ffn_down.weight' });
  const padded = [...Z.slice(0, FFN), 99, 99, ...Z.slice(FFN), 99, 99];
  const stride = (FFN + 2) * 4;
  for (const buffer of [1n, 2n]) {
    const node = down(
      weight,
      make({ name: 'z', ne: [FFN, 2], stride, buffer, data: floats(padded) }),
      buffer,
    );
    call(node, false);
  }
  assert.equal(tap.error, undefined);
  assert.deepEqual(heard, new Array(2).fill({ layer: 0, z: Z, h: H, tokens: 2 }));
  const rows = [
    [0, FFN * 4],
    [stride, FFN * 4],
  ];
  assert.deepEqual(copied, [...rows, [0, HIDDEN * 2 * 4], ...rows]);
  tap.free();
});

const wrong: [string, Partial<Fields>][] = [
  ['float16', { type: 1 }],
  ['longer rows', { ne: [FFN + 1, 2] }],
  ['shorter rows', { ne: [FFN - 1, 2] }],
];
for (const [title, fields] of wrong)
  it(`numbers that do not lie as they are read are an error: ${title}`, () => {
    const { tap, heard, call } = rig();
    const z = make({ name: 'z', ne: [FFN, 2], data: floats(Z), ...fields });
    assert.equal(call(down(make({ name: 'blk.0.ffn_down.weight' }), z), false), false);
    assert.match(String(tap.error), /z is of type .* expected float32 rows of 4/);
    assert.equal(heard.length, 0);
    tap.free();
  });
