import { availableParallelism } from 'node:os';
import { UserError } from '../../errors.js';
import { type GgufModel, inspectModel } from '../gguf/model.js';
import { readGguf } from '../gguf/read.js';
import type { Gguf, TensorInfo } from '../gguf/types.js';
import type { Device, ModelInfo } from '../types.js';
import { type Llama, loadLlama, type Pointer } from './llama.js';
import { locateLibraries } from './locate.js';
import { makeThreadPool } from './threads.js';
import { checkWeights, columnNorms, readTensor } from './weights.js';

export interface LoadOptions {
  modelPath: string;
  device: Device;
  gpuLayers?: number;
  threads?: number;
  library?: string;
}

/** A model in this process: native handles, the file's own tensors, and what the rest of the program may know. */
export interface LoadedModel {
  llama: Llama;
  pointer: Pointer;
  vocab: Pointer;
  gguf: Gguf;
  info: ModelInfo;
  threads: number;
  /** Shared by all contexts, which compute one at a time. */
  pool: Pointer | undefined;
  /** 1 for tokens that end a generation, `[vocab]`. */
  endsGeneration: Uint8Array;
  /** L2 norm of every W_down column, `[layers * ffn]`; computed at the first call. */
  norms(): Float32Array;
  down(layer: number): TensorInfo;
  /** Bias of each layer's down projection, or undefined where there is none. */
  downBias(): Float32Array[] | undefined;
}

const DEVICE_GPU = 1;
/** Models up to this size are read once for values that are not finite: a second. Of larger ones the first tokens must do. */
const CHECKED_BYTES = 4 * 2 ** 30;

/**
 * Loads libraries and model.
 * @throws UserError for a bad file, an unfit library, or a model that llama.cpp refuses; it names a tensor that is not finite.
 */
export async function loadModel(options: LoadOptions): Promise<LoadedModel> {
  const gguf = await readGguf(options.modelPath);
  const shape = inspectModel(gguf);
  const files = locateLibraries(options.device, options.library);
  const llama = loadLlama(files);
  llama.loadBackends(files.folder);
  llama.backendInit();
  const gpu = gpuName(llama);
  if (!gpu && options.device !== 'auto' && options.device !== 'cpu')
    throw new UserError(`No ${options.device} device was found: check the driver, or use --device cpu`);
  const useGpu = gpu !== undefined && options.device !== 'cpu';
  const parameters = {
    ...llama.modelDefaults(),
    // A list that ends at once: no device but the CPU, also where a GPU is at hand.
    devices: useGpu ? null : Buffer.alloc(8),
    n_gpu_layers: useGpu ? (options.gpuLayers ?? -1) : 0,
    check_tensors: shape.weightBytes <= CHECKED_BYTES,
  };
  const pointer: Pointer | null = llama.modelLoad(options.modelPath, parameters);
  if (!pointer && parameters.check_tensors) checkWeights(llama, gguf);
  if (!pointer)
    throw new UserError(
      `llama.cpp could not load ${options.modelPath}: the file is damaged, its architecture (${shape.architecture}) is not known to version ${llama.version()}, or memory is short`,
    );
  const vocab: Pointer = llama.modelVocab(pointer);
  const size: number = llama.vocabSize(vocab);
  const endsGeneration = Uint8Array.from({ length: size }, (_, token) =>
    llama.vocabIsEog(vocab, token) ? 1 : 0,
  );
  const threads = options.threads ?? availableParallelism();
  const info = describe(options.modelPath, shape, llama, pointer, vocab, useGpu ? gpu : 'cpu');
  let norms: Float32Array | undefined;
  let bias: Float32Array[] | undefined | null = null;
  const tensor = (name: string) => gguf.tensors.get(name);
  const layers = Array.from({ length: info.layers }, (_, layer) => layer);
  const down = (layer: number) => tensor(`blk.${layer}.ffn_down.weight`)!;
  return {
    llama,
    pointer,
    vocab,
    gguf,
    info,
    threads,
    pool: makeThreadPool(llama, threads),
    endsGeneration,
    down,
    norms() {
      if (!norms) {
        norms = new Float32Array(info.layers * info.ffn);
        for (const layer of layers) norms.set(columnNorms(llama, down(layer)), layer * info.ffn);
      }
      return norms;
    },
    downBias() {
      if (bias === null) {
        const biases = layers.map((layer) => tensor(`blk.${layer}.ffn_down.bias`));
        bias = biases.every((b) => b !== undefined) ? biases.map((b) => readTensor(llama, b)) : undefined;
      }
      return bias;
    },
  };
}

function gpuName(llama: Llama): string | undefined {
  for (let i = 0; i < Number(llama.deviceCount()); i++) {
    const device: Pointer = llama.deviceGet(i);
    if (llama.deviceType(device) === DEVICE_GPU) return llama.deviceDescription(device);
  }
  return undefined;
}

function describe(
  path: string,
  shape: GgufModel,
  llama: Llama,
  model: Pointer,
  vocab: Pointer,
  device: string,
): ModelInfo {
  const text = (token: number): string | undefined =>
    token >= 0 ? llama.vocabText(vocab, token) : undefined;
  return {
    ...shape,
    path,
    vocab: llama.vocabSize(vocab),
    contextLength: llama.modelContextTrain(model),
    bosToken: text(llama.vocabBos(vocab)),
    eosToken: text(llama.vocabEos(vocab)),
    addBos: llama.vocabAddBos(vocab),
    weightBytes: Number(llama.modelSize(model)),
    libraryVersion: llama.version(),
    device,
  };
}
