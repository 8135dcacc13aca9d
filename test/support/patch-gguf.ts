import { readFileSync, writeFileSync } from 'node:fs';
import { F32 } from '../../src/engine/gguf/ggml-types.js';
import { readGguf } from '../../src/engine/gguf/read.js';

/** Writes a copy of a GGUF with one value of a float32 tensor changed. @param at index of the value, row-major */
export async function plantValue(
  from: string,
  to: string,
  { tensor, at = 0, value }: { tensor: string; at?: number; value: number },
): Promise<string> {
  const found = (await readGguf(from)).tensors.get(tensor);
  if (found?.type !== F32) throw new Error(`${tensor} is not there as float32`);
  const bytes = readFileSync(from);
  bytes.writeFloatLE(value, found.offset + 4 * at);
  writeFileSync(to, bytes);
  return to;
}
