import { MODULE } from './module.js';

/** Its types come with those of browsers only. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

/** The functions of kernels.wat; places are byte offsets in their memory. */
interface Kernels {
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
  decode(from: number, count: number, into: number): void;
  products(a: number, b: number, length: number, panels: number, out: number): void;
  dots(a: number, b: number, stride: number, length: number, out: number): void;
}

let kernels: Kernels | undefined;

/** This thread's instance, with a memory of its own: what stays in it from one task to the next is undefined. */
export function simd(): Kernels {
  if (!kernels) {
    const module = new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
    kernels = new WebAssembly.Instance(module).exports as Kernels;
  }
  return kernels;
}

const PAGE = 1 << 16;

/** The memory, at least so many bytes of it. Views of it from earlier calls may have become empty. */
export function reserve(bytes: number): ArrayBuffer {
  const { memory } = simd();
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return memory.buffer;
}

/** Halves that are decoded at a time, so that they and their values stay in the first-level cache. */
const HALVES = 1 << 12;

/** Decodes halves into as many float32 values, exactly, as `decodeHalves` does, but several at a time. */
export function decodeQuickly(halves: Uint16Array, into: Float32Array): void {
  const buffer = reserve(6 * HALVES);
  const source = new Uint16Array(buffer, 0, HALVES);
  const target = new Float32Array(buffer, 2 * HALVES, HALVES);
  const { decode } = simd();
  for (let start = 0; start < halves.length; start += HALVES) {
    const part = halves.subarray(start, start + HALVES);
    source.set(part);
    decode(0, part.length, 2 * HALVES);
    into.set(part.length < HALVES ? target.subarray(0, part.length) : target, start);
  }
}
