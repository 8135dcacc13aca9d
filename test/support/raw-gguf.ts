/** Pieces of a GGUF header by hand, for files that no writer would write. */
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

export const text = (value: string): Buffer =>
  Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** Ids of metadata value types. */
export const TYPE = { uint8: 0, uint32: 4, string: 8, array: 9, uint64: 10 };

export const entry = (key: string, type: number, ...value: Buffer[]): Buffer =>
  Buffer.concat([text(key), u32(type), ...value]);

export const array = (key: string, items: number, count: number | bigint, ...values: Buffer[]): Buffer =>
  entry(key, TYPE.array, u32(items), u64(count), ...values);

export const tensor = (
  name: string,
  shape: (number | bigint)[],
  type: number,
  offset: number | bigint,
): Buffer => Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(type), u64(offset)]);

export interface RawFile {
  version?: number;
  entries?: Buffer[];
  tensors?: Buffer[];
  /** Counts that the header claims; default: the true ones. */
  entryCount?: number | bigint;
  tensorCount?: number | bigint;
  /** Bytes of tensor data, after padding to 32. */
  data?: number;
}

export function rawGguf(file: RawFile): Buffer {
  const { version = 3, entries = [], tensors = [], data = 0 } = file;
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(file.tensorCount ?? tensors.length),
    u64(file.entryCount ?? entries.length),
    ...entries,
    ...tensors,
  ]);
  const padding = (32 - (header.length % 32)) % 32;
  return Buffer.concat([header, Buffer.alloc(padding + data)]);
}
