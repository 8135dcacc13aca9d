/** The parts of a GGUF file as plain data. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */

/** Names of the metadata value types; the position is the id in the file. */
export const VALUE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type ValueType = (typeof VALUE_TYPES)[number];
export type ScalarType = Exclude<ValueType, 'array'>;

/** Strings of a metadata array. Read from a file they are decoded one by one, when asked for: vocabularies are large. */
export interface StringList {
  readonly length: number;
  at(index: number): string | undefined;
}

export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

export type GgufScalar =
  | { type: Exclude<ScalarType, 'bool' | 'string' | 'uint64' | 'int64'>; value: number }
  | { type: 'uint64' | 'int64'; value: bigint }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string };

/** Booleans are held as bytes 0 and 1. */
export type GgufArray =
  | { type: 'array'; items: Exclude<ScalarType, 'string'>; value: NumberArray }
  | { type: 'array'; items: 'string'; value: StringList }
  | { type: 'array'; items: 'array'; value: GgufArray[] };

export type GgufValue = GgufScalar | GgufArray;

export type Metadata = ReadonlyMap<string, GgufValue>;

export interface TensorInfo {
  name: string;
  /** ggml's `ne`: the first number is the length of a contiguous row. A weight matrix is [inputs, outputs]. */
  shape: number[];
  /** ggml type id; names and block sizes are in ggml-types.ts. */
  type: number;
  /** Absolute byte offset in `file`. */
  offset: number;
  bytes: number;
  /** Path of the file that holds the data: one of the parts where the model is split. */
  file: string;
}

export interface Gguf {
  path: string;
  version: 2 | 3;
  metadata: Metadata;
  tensors: ReadonlyMap<string, TensorInfo>;
  alignment: number;
  /** Absolute byte offset in `path` where tensor data begins. */
  dataOffset: number;
  /** Bytes of the file at `path`. */
  fileSize: number;
  /** All files of the model in order; more than one where it is split. */
  files: string[];
}
