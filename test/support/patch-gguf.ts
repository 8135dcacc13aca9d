import { readFileSync, writeFileSync } from 'node:fs';
import { F32 } from '../../src/engine/gguf/ggml-types.js';
import { readGguf } from '../../src/engine/gguf/read.js';

/** Writes a copy of a GGUF with float32 tensors changed. `change` gets the values of a tensor, row-major, to write into. */
export async function changeTensors(
  from: string,
  to: string,
  changes: Record<string, (values: Float32Array) => void>,
): Promise<string> {
  const { tensors } = await readGguf(from);
  const bytes = readFileSync(from);
  for (const [name, change] of Object.entries(changes)) {
    const tensor = tensors.get(name);
    if (tensor?.type !== F32) throw new Error(`${name} is not there as float32`);
    const values = new Float32Array(tensor.bytes / 4);
    const place = bytes.subarray(tensor.offset, tensor.offset + tensor.bytes);
    new Uint8Array(values.buffer).set(place);
    change(values);
    place.set(new Uint8Array(values.buffer));
  }
  writeFileSync(to, bytes);
  return to;
}
