import koffi, { type LibraryHandle } from 'koffi';
import { UserError } from '../../errors.js';
import {
  checkDefaults,
  GgmlInitParams,
  LlamaBatch,
  LlamaContextParams,
  LlamaModelParams,
  LlamaQuantizeParams,
  TENSOR,
} from './abi.js';
import { FUNCTIONS } from './functions.js';
import type { LibraryFiles } from './locate.js';

/** A native address. koffi takes and gives BigInt. */
export type Pointer = bigint;

/** The C functions that the engine calls, bound once in each process. */
export type Llama = ReturnType<typeof loadLlama>;

/**
 * Loads the libraries, binds the functions and checks the ABI.
 * @throws UserError when a library cannot be loaded, lacks a function, or has other struct layouts.
 */
export function loadLlama(files: LibraryFiles) {
  let base: LibraryHandle;
  let ggml: LibraryHandle;
  let llama: LibraryHandle;
  try {
    base = koffi.load(files.ggmlBase);
    ggml = koffi.load(files.ggml);
    llama = koffi.load(files.llama);
  } catch (error) {
    throw new UserError(`Cannot load llama.cpp from ${files.folder}: ${loadAdvice(oneLine(error))}`, {
      cause: error,
    });
  }
  const bind = <Definitions extends Record<string, string>>(
    library: LibraryHandle,
    definitions: Definitions,
  ) => {
    try {
      return bindFunctions(library, definitions);
    } catch (error) {
      throw new UserError(`The llama.cpp library in ${files.folder} lacks a function: ${oneLine(error)}`, {
        cause: error,
      });
    }
  };
  // The types must be registered before a definition names them.
  void [LlamaModelParams, LlamaContextParams, LlamaQuantizeParams, LlamaBatch, GgmlInitParams];
  const bound = {
    ...bind(base, FUNCTIONS['ggml-base']),
    ...bind(ggml, FUNCTIONS.ggml),
    ...bind(llama, FUNCTIONS.llama),
    mulMatOp: 0,
  };
  checkDefaults(bound.version(), files.folder, bound.modelDefaults(), bound.contextDefaults());
  bound.mulMatOp = checkTensor(bound, files.folder);
  return bound;
}

/** The loader's message, with what to do if the system may lack something. */
function loadAdvice(message: string): string {
  if (process.platform === 'win32')
    return `${message} (if it is not installed, install the Microsoft Visual C++ Redistributable)`;
  if (/GLIBC(XX)?_[\d.]+' not found/.test(message))
    return `${message} (this system is older than the library: the prebuilt packages need glibc 2.34 and libstdc++ of GCC 12, as Debian 12 and Ubuntu 22.04 have)`;
  return message;
}

type AnyFunction = ReturnType<LibraryHandle['func']>;

/** TypeScript signatures of bound functions. Those not listed take and return what koffi makes of their definition. */
interface Signatures {
  version(): string;
  backendInit(): void;
  /** Without a folder: from the one that is compiled in. */
  loadBackends(folder: string | null): void;
  typeTraits(type: number): Pointer;
  bufferIsHost(buffer: Pointer): boolean;
  deviceCount(): number;
  deviceMemory(device: Pointer, free: BigUint64Array, total: BigUint64Array): void;
  backendName(backend: Pointer): string;
  maxDevices(): number | bigint;
  deviceBackend(device: Pointer): Pointer;
  backendFunction(backend: Pointer, name: string): Pointer | null;
  threadPoolDefaults(parameters: Uint8Array, threads: number): void;
  quantizeChunk(
    type: number,
    from: Float32Array,
    to: Buffer,
    start: number,
    rows: number,
    columns: number,
    importance: null,
  ): number;
  quantizeNeedsImportance(type: number): boolean;
}

type Bound<Definitions> = {
  [Name in keyof Definitions]: Name extends keyof Signatures ? Signatures[Name] : AnyFunction;
};

/** Binds the functions of one library. @throws Error if the library lacks one. */
export function bindFunctions<Definitions extends Record<string, string>>(
  library: LibraryHandle,
  definitions: Definitions,
): Bound<Definitions> {
  const bound = Object.entries(definitions).map(([name, definition]) => [name, library.func(definition)]);
  return Object.fromEntries(bound);
}

type TensorFunctions = Pick<
  Bound<(typeof FUNCTIONS)['ggml-base']>,
  'graphInit' | 'graphFree' | 'newTensor2d' | 'mulMat' | 'setName'
>;

/** Lets the library build y = W x and reads the node back: proves the tensor layout and tells MUL_MAT's number. */
function checkTensor(base: TensorFunctions, folder: string): number {
  const context: Pointer = base.graphInit({ mem_size: 1 << 16, mem_buffer: null, no_alloc: true });
  const weight: Pointer = base.newTensor2d(context, 0, 32, 7);
  const input: Pointer = base.newTensor2d(context, 0, 32, 5);
  const node: Pointer = base.mulMat(context, weight, input);
  base.setName(node, 'abi.check');
  const fits =
    readInt(node, TENSOR.ne) === 7 &&
    readInt(node, TENSOR.ne + 8) === 5 &&
    readAddress(node, TENSOR.src) === Number(weight) &&
    readAddress(node, TENSOR.src + 8) === Number(input) &&
    readName(node) === 'abi.check' &&
    readInt32(node, TENSOR.op) > 0;
  const op = readInt32(node, TENSOR.op);
  base.graphFree(context);
  if (!fits)
    throw new UserError(
      `The llama.cpp library in ${folder} lays out ggml_tensor otherwise than expected. Use a build of version 0.4.0 or 0.5.0`,
    );
  return op;
}

export const readInt32 = (at: Pointer, offset: number): number => koffi.decode(at, offset, 'int32_t');
export const readInt = (at: Pointer, offset: number): number => Number(koffi.decode(at, offset, 'int64_t'));
export const readAddress = (at: Pointer, offset: number): number =>
  Number(koffi.decode(at, offset, 'uint64_t'));

/** The name of a ggml tensor. */
export function readName(tensor: Pointer): string {
  const bytes = Buffer.from(koffi.view(tensor + BigInt(TENSOR.name), 64));
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? 64 : end);
}

/** Native float32 memory as a typed array, without a copy; valid as long as the native side keeps it. */
export function floatsAt(address: Pointer, length: number): Float32Array {
  return new Float32Array(koffi.view(address, length * 4));
}

export function oneLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).replace(/\s+/g, ' ');
}
