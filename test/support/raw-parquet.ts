/** A Parquet file byte by byte: one optional text column "question", in one row group of one page, with whatever its headers claim. */
export interface RawPage {
  /** Version of the data page. */
  version?: 1 | 2;
  encoding?: number;
  /** Values that the page claims, and the file with it. */
  values?: number;
  nulls?: number;
  /** Definition levels, as runs, without their length. */
  levels?: number[];
  /** Bytes behind the levels, as they stand in the file. */
  body?: ArrayLike<number>;
  /** Bytes of the page that the header claims after decompression; default: as many as there are. */
  size?: number;
  codec?: number;
}

export const CODEC = { none: 0, snappy: 1, gzip: 2, brotli: 4, zstd: 6, lz4Raw: 7 };
export const ENCODING = { plain: 0, dictionary: 8, delta: 5, deltaLength: 6, deltaBytes: 7, split: 9 };

/** One text, "a", in a page that is as it should be, but for what `page` says. */
export function rawParquet(page: RawPage = {}): Uint8Array {
  const { version = 1, encoding = ENCODING.plain, values = 1, nulls = 0, codec = CODEC.none } = page;
  const levels = page.levels ?? [2 * values, 1];
  const body = Array.from(page.body ?? [1, 0, 0, 0, 97]);
  const packed = version === 1 ? [levels.length, 0, 0, 0, ...levels, ...body] : [...levels, ...body];
  const data =
    version === 1
      ? [5, struct([1, int(values)], [2, int(encoding)], [3, int(3)], [4, int(3)])]
      : [
          8,
          struct(
            [1, int(values)],
            [2, int(nulls)],
            [3, int(values)],
            [4, int(encoding)],
            [5, int(levels.length)],
            [6, int(0)],
          ),
        ];
  const header = struct(
    [1, int(version === 1 ? 0 : 3)],
    [2, int(page.size ?? packed.length)],
    [3, int(packed.length)],
    data as Field,
  ).bytes;
  const chunk = [...header, ...packed];
  const column = struct(
    [2, long(4)],
    [
      3,
      struct(
        [1, int(6)],
        [2, list(5, [int(encoding)])],
        [3, list(8, [text('question')])],
        [4, int(codec)],
        [5, long(values)],
        [6, long(chunk.length)],
        [7, long(chunk.length)],
        [9, long(4)],
      ),
    ],
  );
  const schema = [
    struct([4, text('schema')], [5, int(1)]),
    struct([1, int(6)], [3, int(1)], [4, text('question')], [6, int(0)]),
  ];
  const group = struct([1, list(12, [column])], [2, long(chunk.length)], [3, long(values)]);
  const footer = struct([1, int(1)], [2, list(12, schema)], [3, long(values)], [4, list(12, [group])]).bytes;
  const length = new Uint8Array(Uint32Array.of(footer.length).buffer);
  return Uint8Array.from([...ascii('PAR1'), ...chunk, ...footer, ...length, ...ascii('PAR1')]);
}

/** A value of Thrift's compact protocol. */
interface Value {
  type: number;
  bytes: number[];
}
type Field = [id: number, value: Value];

/** An unsigned LEB128 number. */
export function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const ascii = (value: string) => [...Buffer.from(value)];
const zigzag = (value: number) => varint(value < 0 ? -2 * value - 1 : 2 * value);
const int = (value: number): Value => ({ type: 5, bytes: zigzag(value) });
const long = (value: number): Value => ({ type: 6, bytes: zigzag(value) });
const text = (value: string): Value => ({ type: 8, bytes: [...varint(value.length), ...ascii(value)] });
const list = (type: number, values: Value[]): Value => ({
  type: 9,
  bytes: [(values.length << 4) | type, ...values.flatMap(({ bytes }) => bytes)],
});

function struct(...fields: Field[]): Value {
  let last = 0;
  const bytes = fields.flatMap(([id, value]) => {
    const delta = id - last;
    last = id;
    return [(delta << 4) | value.type, ...value.bytes];
  });
  return { type: 12, bytes: [...bytes, 0] };
}
