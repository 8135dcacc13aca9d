import { UserError } from '../errors.js';

/** A class or function that a pickle names. It is never looked up, let alone called. */
export interface PickledGlobal {
  global: string;
}

/** What a pickle says of an object: its class, what it would be made from, and its state. */
export interface PickledObject {
  class: string;
  args: unknown[];
  state?: unknown;
}

/** A numeric array within a pickle. */
export interface PickledArray {
  /** NumPy's name of the element type, e.g. `f8`; little-endian. */
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

const MARK = Symbol('mark');

/**
 * Reads a Python pickle (protocols 2 to 5, with its arrays inside it) as plain data, or a file of joblib, which puts arrays between the
 * opcodes. Nothing in it
 * is run: classes stay names, and objects are what is said of them ({@link PickledObject}). Dictionaries become Maps,
 * tuples and lists arrays, NumPy arrays {@link PickledArray}s.
 * @throws UserError for anything but a pickle of such data
 */
export function readPickle(bytes: Uint8Array, name: string): unknown {
  try {
    return interpret(bytes, name);
  } catch (error) {
    if (error instanceof UserError) throw error;
    // Changed bytes can make any value stand where another belongs.
    throw new UserError(`${name} cannot be read as a pickle of a classifier: it is damaged`, {
      cause: error,
    });
  }
}

function interpret(bytes: Uint8Array, name: string): unknown {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (reason: string) =>
    new UserError(`${name} cannot be read as a pickle of a classifier: ${reason}`);
  if (view.length < 2 || view[0] !== 0x80)
    throw bad('it does not begin like one of protocol 2 or later; save it with joblib.dump(model, path)');
  let at = 0;
  const take = (count: number): Buffer => {
    if (!Number.isSafeInteger(count) || count < 0 || at + count > view.length) throw bad('it ends too early');
    at += count;
    return view.subarray(at - count, at);
  };
  const line = (): string => {
    const end = view.indexOf(0x0a, at);
    if (end < 0) throw bad('it ends too early');
    const text = view.toString('latin1', at, end);
    at = end + 1;
    return text;
  };
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  const pop = (): unknown => {
    if (stack.length === 0) throw bad('it is damaged');
    return stack.pop();
  };
  const top = (): unknown => stack[stack.length - 1];
  const toMark = (): unknown[] => {
    const from = stack.lastIndexOf(MARK);
    if (from < 0) throw bad('it is damaged');
    const items = stack.splice(from);
    return items.slice(1);
  };
  const remembered = (index: number): unknown => {
    if (!memo.has(index)) throw bad('it is damaged');
    return memo.get(index);
  };
  const asList = (value: unknown): unknown[] => {
    if (!Array.isArray(value)) throw bad('it is damaged');
    return value;
  };
  const make = (args: unknown, of: unknown): unknown => {
    const { global } = (of ?? {}) as Partial<PickledGlobal>;
    if (global === undefined) throw bad('it is damaged');
    const object: PickledObject = { class: global, args: asList(args) };
    if (global === '_codecs.encode') return encoded(object.args);
    if (global.endsWith('.numeric._frombuffer')) return fromBuffer(object.args);
    return global.endsWith('multiarray.scalar') ? scalar(object.args) : object;
  };
  /** Bytes as protocol 2 writes them: as text of the same codes. */
  const encoded = ([text, encoding]: unknown[]): Uint8Array => {
    if (typeof text !== 'string' || encoding !== 'latin1') throw bad('it is damaged');
    const bytes = new Uint8Array(Buffer.from(text, 'latin1'));
    if (bytes.length !== text.length) throw bad('it is damaged');
    return bytes;
  };
  /** An array as protocol 5 writes it. */
  const fromBuffer = ([raw, type, shapes, order]: unknown[]): PickledArray => {
    return arrayOf(raw, elementType(type), shapeOf(shapes), order === 'F');
  };
  /** A number of NumPy. */
  const scalar = ([type, raw]: unknown[]): number => {
    return pickledNumbers(arrayOf(raw, elementType(type), [], false))[0];
  };
  const shapeOf = (value: unknown): number[] => {
    const shape = asList(value);
    if (!shape.every((size): size is number => Number.isSafeInteger(size) && (size as number) >= 0)) {
      throw bad('an array is damaged');
    }
    return shape;
  };
  const arrayOf = (raw: unknown, dtype: string, shape: number[], byColumns: boolean): PickledArray => {
    if (byColumns && shape.filter((size) => size > 1).length > 1) throw bad('an array is stored by columns');
    if (!(raw instanceof Uint8Array) || raw.length !== sizeOf(dtype, shape)) throw bad('an array is damaged');
    return { dtype, shape, bytes: raw };
  };
  const setItems = (target: unknown, items: unknown[]) => {
    if (!(target instanceof Map)) throw bad('it is damaged');
    for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const build = (state: unknown): void => {
    const object = pop() as PickledObject;
    if (typeof object?.class !== 'string') throw bad('it is damaged');
    object.state = state;
    if (object.class.endsWith('.NumpyArrayWrapper')) stack.push(wrappedArray(state));
    else stack.push(object.class.endsWith('multiarray._reconstruct') ? reconstructed(object, state) : object);
  };
  /** joblib's wrapper: the elements follow in the file, behind padding whose length its first byte says. */
  const wrappedArray = (state: unknown): PickledArray => {
    if (!(state instanceof Map)) throw bad('it is damaged');
    const shape = shapeOf(state.get('shape'));
    const dtype = elementType(state.get('dtype'));
    if (typeof state.get('numpy_array_alignment_bytes') === 'number') take(take(1)[0]);
    const bytes = Uint8Array.from(take(sizeOf(dtype, shape)));
    return arrayOf(bytes, dtype, shape, state.get('order') !== 'C');
  };
  /** An array of plain pickle. The object keeps its place in the memo, so it is filled, not replaced. */
  const reconstructed = (object: PickledObject, state: unknown): PickledArray => {
    const [, shapes, type, fortran, raw] = asList(state);
    return Object.assign(object, arrayOf(raw, elementType(type), shapeOf(shapes), fortran === true));
  };
  const elementType = (value: unknown): string => {
    const { class: of, args, state } = value as PickledObject;
    const order = Array.isArray(state) ? state[1] : '<';
    if (
      of !== 'numpy.dtype' ||
      typeof args[0] !== 'string' ||
      !/^(?:[fiu][1248]|b1)$/.test(args[0]) ||
      order === '>'
    ) {
      throw bad('an array holds something other than plain numbers');
    }
    return args[0];
  };

  for (;;) {
    const code = take(1)[0];
    switch (code) {
      case 0x80: // PROTO
        take(1);
        break;
      case 0x95: // FRAME: only says how much could be read at once
        take(8);
        break;
      case 0x2e: // STOP
        return pop();
      case 0x28:
        stack.push(MARK);
        break;
      case 0x30:
        pop();
        break;
      case 0x4e:
        stack.push(null);
        break;
      case 0x88:
        stack.push(true);
        break;
      case 0x89:
        stack.push(false);
        break;
      case 0x4a:
        stack.push(take(4).readInt32LE());
        break;
      case 0x4b:
        stack.push(take(1)[0]);
        break;
      case 0x4d:
        stack.push(take(2).readUInt16LE());
        break;
      case 0x8a:
        stack.push(long(take(take(1)[0])));
        break;
      case 0x8b: // LONG4
        stack.push(long(take(take(4).readInt32LE())));
        break;
      case 0x47:
        stack.push(take(8).readDoubleBE());
        break;
      case 0x8c:
        stack.push(take(take(1)[0]).toString());
        break;
      case 0x58:
        stack.push(take(take(4).readUInt32LE()).toString());
        break;
      case 0x8d: // BINUNICODE8
        stack.push(take(Number(take(8).readBigUInt64LE())).toString());
        break;
      case 0x43:
        stack.push(Uint8Array.from(take(take(1)[0])));
        break;
      case 0x42:
        stack.push(Uint8Array.from(take(take(4).readUInt32LE())));
        break;
      case 0x8e:
      case 0x96: // BYTEARRAY8
        stack.push(Uint8Array.from(take(Number(take(8).readBigUInt64LE()))));
        break;
      case 0x29:
      case 0x5d:
        stack.push([]);
        break;
      case 0x7d:
        stack.push(new Map());
        break;
      case 0x85:
      case 0x86:
      case 0x87:
        stack.push(Array.from({ length: code - 0x84 }, pop).reverse());
        break;
      case 0x74:
        stack.push(toMark());
        break;
      case 0x65: {
        const items = toMark();
        const list = asList(top());
        for (const item of items) list.push(item);
        break;
      }
      case 0x61: {
        const item = pop();
        asList(top()).push(item);
        break;
      }
      case 0x75: {
        const items = toMark();
        setItems(top(), items);
        break;
      }
      case 0x73: {
        const value = pop();
        setItems(stack[stack.length - 2], [pop(), value]);
        break;
      }
      case 0x93: {
        const inner = pop();
        stack.push({ global: `${pop()}.${inner}` });
        break;
      }
      case 0x63:
        stack.push({ global: `${line()}.${line()}` });
        break;
      case 0x81: // NEWOBJ
      case 0x52: // REDUCE
        stack.push(make(pop(), pop()));
        break;
      case 0x62:
        build(pop());
        break;
      case 0x94:
        memo.set(memo.size, top());
        break;
      case 0x71:
        memo.set(take(1)[0], top());
        break;
      case 0x72:
        memo.set(take(4).readUInt32LE(), top());
        break;
      case 0x68:
        stack.push(remembered(take(1)[0]));
        break;
      case 0x6a:
        stack.push(remembered(take(4).readUInt32LE()));
        break;
      default:
        throw bad(`it has the instruction ${code.toString(16)}, which no classifier needs`);
    }
  }
}

function sizeOf(dtype: string, shape: number[]): number {
  return shape.reduce((product, n) => product * n, Number(dtype[1]));
}

/** A Python integer of any length, little-endian, as a number. */
function long(bytes: Buffer): number {
  // No number of a classifier is longer, and the work grows with the square of the length.
  if (bytes.length > 1024) throw new RangeError('a number of more than 1,024 bytes');
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return Number(BigInt.asIntN(8 * bytes.length, value));
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
