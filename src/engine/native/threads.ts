import koffi from 'koffi';
import { CPU_BACKEND_FUNCTIONS } from './functions.js';
import type { Llama, Pointer } from './llama.js';

/** Byte offsets inside `struct ggml_threadpool_params`: a mask of 512 processors, then the numbers. */
const PARAMETERS = { threads: 512, poll: 520, size: 1024 };
/** What llama.cpp itself sets; it tells that the layout is the expected one. */
const DEFAULT_POLL = 50;
/**
 * How long a thread that has nothing to do looks for work before it sleeps: some milliseconds, which lie between two parts
 * of a pass or between two tokens. The default is 50 times as long, and takes a core from whoever else wants it.
 */
const POLL = 1;

const NewPool = koffi.proto('void *hneurons_threadpool_new(void *parameters)');

/**
 * Threads that stay between computations. Without them llama.cpp starts new ones for each part of a graph, and a tapped layer
 * ends a part: that took a tenth of the time of a token of a small model with all layers tapped.
 * Undefined where the library has no such pool, or another layout: everything works without one.
 */
export function makeThreadPool(llama: Llama, threads: number): Pointer | undefined {
  const parameters = new Uint8Array(PARAMETERS.size);
  const view = new DataView(parameters.buffer);
  const fresh = cpuFunction(llama, CPU_BACKEND_FUNCTIONS.threadPoolNew);
  if (!fresh) return undefined;
  llama.threadPoolDefaults(parameters, threads);
  const fits =
    view.getInt32(PARAMETERS.threads, true) === threads &&
    view.getUint32(PARAMETERS.poll, true) === DEFAULT_POLL;
  if (!fits) return undefined;
  view.setUint32(PARAMETERS.poll, POLL, true);
  return koffi.call(fresh, NewPool, parameters) ?? undefined;
}

const DEVICE_CPU = 0;

/** A function of the CPU backend, which is one of several libraries, chosen by the processor. */
function cpuFunction(llama: Llama, name: string): Pointer | undefined {
  for (let i = 0; i < Number(llama.deviceCount()); i++) {
    const device: Pointer = llama.deviceGet(i);
    if (llama.deviceType(device) === DEVICE_CPU)
      return llama.backendFunction(llama.deviceBackend(device), name) ?? undefined;
  }
  return undefined;
}
