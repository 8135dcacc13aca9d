import { UserError } from '../../errors.js';
import type { Cursor } from './cursor.js';
import { elementCount, ggmlType, tensorBytes } from './ggml-types.js';
import type { TensorInfo } from './types.js';
import { printable } from './values.js';

/** The largest models have a few thousand; early mixtures of experts, with a tensor for each expert, some 20,000. */
const MAX_TENSORS = 262_144;
const MAX_DIMENSIONS = 4;

interface Context {
  tensorCount: number;
  alignment: number;
  fileSize: number;
  path: string;
}

/**
 * Reads the tensor list from the cursor on and checks that every tensor lies in the file, aligned and apart from the others.
 * UserError (naming the file and the tensor) where not.
 */
export function readTensors(cursor: Cursor, context: Context) {
  const { tensorCount, alignment, path } = context;
  if (tensorCount > MAX_TENSORS) damaged(path, `it claims ${tensorCount} tensors`);
  const tensors = new Map<string, TensorInfo>();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = readInfo(cursor, path, i);
    if (tensors.has(tensor.name)) damaged(path, `the tensor ${printable(tensor.name)} is there twice`);
    tensors.set(tensor.name, tensor);
  }
  const dataOffset = Math.ceil(cursor.position / alignment) * alignment;
  for (const tensor of tensors.values()) {
    if (tensor.offset % alignment !== 0) {
      damaged(path, `the data of tensor ${printable(tensor.name)} is not aligned`);
    }
    tensor.offset += dataOffset;
  }
  checkLayout([...tensors.values()], context);
  return { tensors, dataOffset };
}

/** The offset returned is still relative to the data section. */
function readInfo(cursor: Cursor, path: string, index: number): TensorInfo {
  const name = cursor.string(`the name of tensor ${index}`);
  const what = `tensor ${printable(name)}`;
  const dimensions = cursor.uint32(what);
  if (dimensions > MAX_DIMENSIONS) damaged(path, `${what} has ${dimensions} dimensions`);
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) shape.push(cursor.length(what));
  const type = cursor.uint32(what);
  const offset = cursor.length(what);

  const info = ggmlType(type);
  if (!info) {
    throw new UserError(
      `${path}: ${what} has the ggml type ${type}, which is not known here; use the model in another quantisation`,
    );
  }
  const bytes = tensorBytes(type, shape);
  if (bytes === undefined) damaged(path, `${what} (${info.name}) has rows of ${shape[0]} elements`);
  if (!Number.isSafeInteger(elementCount(shape)) || !Number.isSafeInteger(offset + bytes)) {
    damaged(path, `${what} has the shape ${shape.join(' x ')} at offset ${offset}`);
  }
  return { name, shape, type, offset, bytes, file: path };
}

function checkLayout(tensors: TensorInfo[], { fileSize, path }: Context): void {
  const sorted = tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  const last = sorted.reduce<TensorInfo | undefined>(
    (max, t) => (max && max.offset + max.bytes >= t.offset + t.bytes ? max : t),
    undefined,
  );
  if (last && last.offset + last.bytes > fileSize) {
    throw new UserError(
      `${path}: the file is incomplete: it has ${fileSize} bytes of at least ${last.offset + last.bytes}; download it again`,
    );
  }
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i].offset < sorted[i - 1].offset + sorted[i - 1].bytes) {
      damaged(path, `the tensors ${printable(sorted[i - 1].name)} and ${printable(sorted[i].name)} overlap`);
    }
  }
}

function damaged(path: string, reason: string): never {
  throw new UserError(`${path}: the file is damaged: ${reason}; download it again`);
}
