import { readFileSync } from 'node:fs';
import { ggmlType } from '../../src/engine/gguf/ggml-types.js';
import { readGguf } from '../../src/engine/gguf/read.js';
import type { GgufValue, TensorInfo } from '../../src/engine/gguf/types.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/write.js';
import { quantiserOf } from '../../src/weights/quantise.js';
import { plainBytes } from './ffn-files.js';

const IDS: Record<string, number> = Object.fromEntries(
  Array.from({ length: 64 }, (_, id) => [ggmlType(id)?.name, id]),
);

/** The id of a ggml type. */
export const typeId = (name: string): number => IDS[name];

/** The bytes of a float32 matrix in any type that needs no importance matrix. */
export function encodeAs(values: Float32Array, rows: number, columns: number, type: string): Uint8Array {
  if (type === 'F32' || type === 'F16' || type === 'BF16') return plainBytes(values, type);
  return quantiserOf(typeId(type))!(values, rows, columns);
}

/** A float32 GGUF again, its FFN matrices (or some of them) in another type, with tensors and metadata added. */
export async function rewriteGguf(
  from: string,
  to: string,
  {
    type = 'F32',
    matrices = /ffn_(up|down|gate)\.weight$/,
    add = [],
    metadata = [],
    keep = () => true,
  }: {
    type?: string;
    matrices?: RegExp;
    add?: TensorSource[];
    metadata?: [string, GgufValue][];
    keep?: (tensor: TensorInfo, index: number) => boolean;
  } = {},
): Promise<string> {
  const gguf = await readGguf(from);
  const file = readFileSync(from);
  const tensors = [...gguf.tensors.values()].filter(keep).map((tensor): TensorSource => {
    const { name, shape, offset, bytes } = tensor;
    const data = new Uint8Array(file.subarray(offset, offset + bytes));
    if (!matrices.test(name)) return { name, shape, type: tensor.type, data };
    const [columns, rows] = shape;
    const values = new Float32Array(data.buffer, data.byteOffset, rows * columns);
    return { name, shape, type: typeId(type), data: encodeAs(values, rows, columns, type) };
  });
  await writeGguf(to, { metadata: new Map([...gguf.metadata, ...metadata]), tensors: [...tensors, ...add] });
  return to;
}
