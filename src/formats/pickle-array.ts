import { UserError } from '../errors.js';

/** A numeric array within a pickle. */
export interface PickledArray {
  /** NumPy's name of the element type, e.g. `f8`; little-endian. */
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** Bytes of the elements. */
export function arrayBytes(dtype: string, shape: number[]): number {
  return shape.reduce((product, n) => product * n, Number(dtype[1]));
}

/** The elements of an array as doubles. */
export function pickledNumbers({ dtype, bytes }: PickledArray): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = Number(dtype[1]);
  const read: Record<string, (at: number) => number> = {
    f4: (at) => view.getFloat32(at, true),
    f8: (at) => view.getFloat64(at, true),
    i1: (at) => view.getInt8(at),
    i2: (at) => view.getInt16(at, true),
    i4: (at) => view.getInt32(at, true),
    i8: (at) => Number(view.getBigInt64(at, true)),
    b1: (at) => view.getUint8(at),
    u1: (at) => view.getUint8(at),
    u2: (at) => view.getUint16(at, true),
    u4: (at) => view.getUint32(at, true),
    u8: (at) => Number(view.getBigUint64(at, true)),
  };
  const element = read[dtype];
  if (element === undefined) throw new UserError(`an array of element type ${dtype} is not supported`);
  return Float64Array.from({ length: bytes.length / size }, (_, i) => element(i * size));
}
