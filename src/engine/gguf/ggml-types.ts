/** A ggml tensor type: `blockBytes` bytes hold `blockSize` elements of a row. */
export interface GgmlType {
  name: string;
  blockSize: number;
  blockBytes: number;
}

/** ggml type ids that this code itself writes or reads. */
export const F32 = 0;
export const F16 = 1;
export const Q8_0 = 8;

/** All types of ggml that may stand in a file, by id. Sizes as in ggml-common.h; ids 4, 5, 31-33 and 36-38 were retired. */
const TYPES: Record<number, [name: string, blockSize: number, blockBytes: number]> = {
  0: ['F32', 1, 4],
  1: ['F16', 1, 2],
  2: ['Q4_0', 32, 18],
  3: ['Q4_1', 32, 20],
  6: ['Q5_0', 32, 22],
  7: ['Q5_1', 32, 24],
  8: ['Q8_0', 32, 34],
  9: ['Q8_1', 32, 36],
  10: ['Q2_K', 256, 84],
  11: ['Q3_K', 256, 110],
  12: ['Q4_K', 256, 144],
  13: ['Q5_K', 256, 176],
  14: ['Q6_K', 256, 210],
  15: ['Q8_K', 256, 292],
  16: ['IQ2_XXS', 256, 66],
  17: ['IQ2_XS', 256, 74],
  18: ['IQ3_XXS', 256, 98],
  19: ['IQ1_S', 256, 50],
  20: ['IQ4_NL', 32, 18],
  21: ['IQ3_S', 256, 110],
  22: ['IQ2_S', 256, 82],
  23: ['IQ4_XS', 256, 136],
  24: ['I8', 1, 1],
  25: ['I16', 1, 2],
  26: ['I32', 1, 4],
  27: ['I64', 1, 8],
  28: ['F64', 1, 8],
  29: ['IQ1_M', 256, 56],
  30: ['BF16', 1, 2],
  34: ['TQ1_0', 256, 54],
  35: ['TQ2_0', 256, 66],
  39: ['MXFP4', 32, 17],
  40: ['NVFP4', 64, 36],
  41: ['Q1_0', 128, 18],
  42: ['Q2_0', 64, 18],
};

/** The type with this id, or undefined where ggml has none. */
export function ggmlType(id: number): GgmlType | undefined {
  const entry = TYPES[id];
  return entry && { name: entry[0], blockSize: entry[1], blockBytes: entry[2] };
}

/** Number of elements of a shape; 1 for a scalar (no dimensions). */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Bytes of a tensor, or undefined where the type is unknown or the rows are no whole number of blocks. */
export function tensorBytes(type: number, shape: readonly number[]): number | undefined {
  const info = ggmlType(type);
  if (!info || (shape[0] ?? 1) % info.blockSize !== 0) return undefined;
  return (elementCount(shape) / info.blockSize) * info.blockBytes;
}

/** `general.file_type` to the name that quantisations go by. Ids 4-6 and 33-35 were retired. */
const FILE_TYPES: Record<number, string> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  19: 'IQ2_XXS',
  20: 'IQ2_XS',
  21: 'Q2_K_S',
  22: 'IQ3_XS',
  23: 'IQ3_XXS',
  24: 'IQ1_S',
  25: 'IQ4_NL',
  26: 'IQ3_S',
  27: 'IQ3_M',
  28: 'IQ2_S',
  29: 'IQ2_M',
  30: 'IQ4_XS',
  31: 'IQ1_M',
  32: 'BF16',
  36: 'TQ1_0',
  37: 'TQ2_0',
  38: 'MXFP4',
  39: 'NVFP4',
  40: 'Q1_0',
  41: 'Q2_0',
};

/** Name of a `general.file_type`; llama.cpp adds 1024 where it guessed the type. */
export function fileTypeName(fileType: number): string | undefined {
  return FILE_TYPES[fileType % 1024];
}
