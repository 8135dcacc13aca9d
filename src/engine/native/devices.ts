import koffi from 'koffi';
import { UserError } from '../../errors.js';
import type { Device, SplitMode } from '../types.js';
import type { Llama, Pointer } from './llama.js';

/** A device that is no CPU, with its memory in bytes as its driver reports it. */
export interface Gpu {
  pointer: Pointer;
  description: string;
  /** Name of its backend: CUDA, Vulkan, Metal. */
  backend: string;
  free: number;
}

/** How a model is laid over several GPUs, as the user asked for it. */
export interface SplitWish {
  splitMode?: SplitMode;
  /** Proportion of the model for each GPU. */
  split?: readonly number[];
  mainGpu?: number;
}

/** The GPUs that are used, and llama.cpp's parameters for them. */
export interface GpuPlan {
  gpus: Gpu[];
  mode: SplitMode;
  /** Proportions as given; undefined: by free memory. */
  split: readonly number[] | undefined;
  mainGpu: number;
}

const TYPE_GPU = 1;
const TYPE_INTEGRATED = 2;

/** The GPUs that llama.cpp finds. Integrated ones count only where there is no other, as in llama.cpp itself. */
export function listGpus(llama: Llama): Gpu[] {
  const all = Array.from({ length: Number(llama.deviceCount()) }, (_, i): Pointer => llama.deviceGet(i));
  const ofType = (type: number) => all.filter((device) => llama.deviceType(device) === type);
  const dedicated = ofType(TYPE_GPU);
  return (dedicated.length > 0 ? dedicated : ofType(TYPE_INTEGRATED).slice(0, 1)).map((pointer) => ({
    pointer,
    description: llama.deviceDescription(pointer),
    backend: llama.backendName(llama.deviceBackend(pointer)),
    free: deviceMemory(llama, pointer).free,
  }));
}

/** Free and total bytes; 0 where the driver does not tell. */
export function deviceMemory(llama: Llama, device: Pointer): { free: number; total: number } {
  const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
  llama.deviceMemory(device, free, total);
  return { free: Number(free[0]), total: Number(total[0]) };
}

/**
 * Checks the wish against the GPUs at hand. Without `splitMode`, a `mainGpu` alone means that GPU and no other.
 * @throws UserError for a wish that the machine cannot fulfil
 */
export function planGpus(found: Gpu[], device: Device, wish: SplitWish): GpuPlan | undefined {
  const { split, mainGpu } = wish;
  const gpus = device === 'cpu' ? [] : found;
  if (gpus.length === 0) {
    if (split !== undefined || mainGpu !== undefined || wish.splitMode !== undefined)
      throw new UserError('no GPU is in use, so there is nothing to split: leave out split and main GPU');
    return undefined;
  }
  const mode = wish.splitMode ?? (mainGpu !== undefined && !split ? 'none' : 'layer');
  if (mainGpu !== undefined && mainGpu >= gpus.length)
    throw new UserError(`main GPU ${mainGpu} does not exist: there are ${gpus.length}, counted from 0`);
  if (mainGpu !== undefined && mode === 'layer')
    throw new UserError(
      'a main GPU has no meaning when layers are split over all: choose split mode none or row',
    );
  if (split && mode === 'none')
    throw new UserError('split mode none uses one GPU: leave out the proportions, or choose layer or row');
  if (split && split.length !== gpus.length)
    throw new UserError(
      `${split.length} proportions do not fit: there ${gpus.length === 1 ? 'is 1 GPU' : `are ${gpus.length} GPUs`}`,
    );
  const used = mode === 'none' ? [gpus[mainGpu ?? 0]] : gpus;
  return { gpus: used, mode, split, mainGpu: mode === 'none' ? 0 : (mainGpu ?? 0) };
}

const MODES: Record<SplitMode, number> = { none: 0, layer: 1, row: 2 };

/** llama.cpp's model parameters for a plan; for the CPU alone a list of devices that ends at once. */
export function deviceParameters(llama: Llama, plan: GpuPlan | undefined, gpuLayers: number | undefined) {
  if (!plan) return { devices: Buffer.alloc(8), n_gpu_layers: 0 };
  return {
    devices: nativeArray('uint64_t', [...plan.gpus.map(({ pointer }) => pointer), 0n]),
    n_gpu_layers: gpuLayers ?? -1,
    split_mode: MODES[plan.mode],
    main_gpu: plan.mainGpu,
    tensor_split: plan.split
      ? nativeArray('float', Object.assign(new Array(Number(llama.maxDevices())).fill(0), plan.split))
      : null,
  };
}

/** Native memory that stays: llama.cpp may look at it again as long as the model lives. */
function nativeArray(type: 'uint64_t' | 'float', values: (bigint | number)[]): unknown {
  const memory = koffi.alloc(type, values.length);
  koffi.encode(memory, 0, koffi.array(type, values.length), values);
  return memory;
}
