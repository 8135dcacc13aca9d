import { writeGguf } from '../../src/engine/gguf/write.js';
import { encodeHalves } from '../../src/formats/float16.js';
import type { FfnPart } from '../../src/weights/types.js';
import { ffnMetadata, hashes, SEEDS } from './ffn-files.js';

/** The formats with blocks of 256 weights in bench/drift-golden.py: ggml id, bytes of a block, where its half floats lie. */
const BLOCKS = {
  Q2_K: { id: 10, size: 84, halves: [80, 82] },
  Q3_K: { id: 11, size: 110, halves: [108] },
  Q4_K: { id: 12, size: 144, halves: [0, 2] },
  Q5_K: { id: 13, size: 176, halves: [0, 2] },
  Q6_K: { id: 14, size: 210, halves: [208] },
  IQ4_XS: { id: 23, size: 136, halves: [0] },
  IQ2_XXS: { id: 16, size: 66, halves: [0] },
};
export type BlockType = keyof typeof BLOCKS;
export const BLOCK_TYPES = Object.keys(BLOCKS) as BlockType[];

/** Neurons and width of the one layer. */
const WIDE = 256;

/** A matrix `[WIDE, WIDE]`, one block a row, of hashed bits; for the second model j / 256 of the bytes of row j are others. */
function blockBytes(type: BlockType, part: FfnPart, moved: boolean): Buffer {
  const { size, halves } = BLOCKS[type];
  const count = WIDE * size;
  const seed = SEEDS[part];
  const [own, others, draws] = [0, 5000, 9000].map((more) => hashes(seed + more, count));
  const bytes = Buffer.alloc(count);
  for (let i = 0; i < count; i++) {
    const changed = moved && draws[i] / 2 ** 32 < Math.floor(i / size) / WIDE;
    bytes[i] = (changed ? others : own)[i] >>> 24;
  }
  for (const at of halves) {
    const half = new Uint16Array(1);
    encodeHalves(Float32Array.of(0.01 / (at + 1)), half);
    for (let row = 0; row < WIDE; row++) bytes.writeUInt16LE(half[0], row * size + at);
  }
  return bytes;
}

/** A GGUF with one FFN layer of such matrices; the gate is the same in both models. */
export async function writeBlockGguf(
  path: string,
  { type, moved }: { type: BlockType; moved: boolean },
): Promise<string> {
  const tensor = (name: string, data: Buffer) => ({
    name: `blk.0.${name}.weight`,
    shape: [WIDE, WIDE],
    type: BLOCKS[type].id,
    data,
  });
  const tensors = [
    tensor('ffn_gate', blockBytes(type, 'gate', false)),
    tensor('ffn_up', blockBytes(type, 'up', moved)),
    tensor('ffn_down', blockBytes(type, 'down', moved)),
  ];
  await writeGguf(path, { metadata: ffnMetadata('llama', 1, ['<s>', 'a', 'b']), tensors });
  return path;
}
