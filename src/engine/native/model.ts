import { availableParallelism, freemem } from 'node:os';
import { UserError } from '../../errors.js';
import { type GgufModel, inspectModel } from '../gguf/model.js';
import { readGguf } from '../gguf/read.js';
import type { Gguf, TensorInfo } from '../gguf/types.js';
import type { Device, ModelInfo } from '../types.js';
import { explainMissingDevice, loadBackends } from './backends.js';
import { type Budget, type Job, type MemoryPlan, planBudget, shapeOf } from './budget.js';
import { type Contention, makeContention } from './contention.js';
import { deviceParameters, type GpuPlan, listGpus, planGpus, type SplitWish } from './devices.js';
import { type Llama, loadLlama, type Pointer } from './llama.js';
import { locateLibraries } from './locate.js';
import { placeLayers, weightsOnGpus } from './placement.js';
import { makeThreadPool } from './threads.js';
import { checkWeights, columnNorms, readTensor } from './weights.js';

export interface LoadOptions extends SplitWish {
  modelPath: string;
  device: Device;
  gpuLayers?: number;
  threads?: number;
  /** Bytes beside the weights that contexts may take; default: see budget.ts. */
  memory?: number;
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
  /** Undefined with a GPU, whose steps say nothing about threads. */
  contention: Contention | undefined;
  /** How large a context for this kind of job may be. */
  budget(job: Job): Budget;
  /**
   * The steering of a used context cannot be changed. The Vulkan backend of llama.cpp 0.4.0 and 0.5.0 writes over freed memory when the graph of
   * such a context is planned anew, as a change of adapters makes it (seen with Mesa's software driver).
   */
  oneSteering: boolean;
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

/** Models up to this size are read once for values that are not finite: a second. Of larger ones the first tokens must do. */
const CHECKED_BYTES = 4 * 2 ** 30;

/**
 * Loads libraries and model.
 * @param say hears one-line messages for the user, then and later
 * @throws UserError for a bad file, an unfit library, or a model that llama.cpp refuses; it names a tensor that is not finite.
 */
export async function loadModel(
  options: LoadOptions,
  say: (text: string) => void = () => {},
): Promise<LoadedModel> {
  const gguf = await readGguf(options.modelPath);
  const shape = inspectModel(gguf);
  const files = locateLibraries(options.device, options.library);
  const llama = loadLlama(files);
  loadBackends(llama, files);
  llama.backendInit();
  const found = listGpus(llama);
  if (found.length === 0 && options.device !== 'auto' && options.device !== 'cpu')
    throw new UserError(explainMissingDevice(options.device, files));
  const gpus = planGpus(found, options.device, options);
  const parameters = {
    ...llama.modelDefaults(),
    ...deviceParameters(llama, gpus, options.gpuLayers),
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
  const info = describe(options.modelPath, shape, llama, pointer, vocab, deviceText(gpus, files.device));
  let norms: Float32Array | undefined;
  let bias: Float32Array[] | undefined | null = null;
  const tensor = (name: string) => gguf.tensors.get(name);
  const memory = memoryPlan(gguf, info.layers, gpus, options, Number(llama.maxSequences()));
  const modelShape = shapeOf(info, gguf.metadata);
  const layers = Array.from({ length: info.layers }, (_, layer) => layer);
  const down = (layer: number) => tensor(`blk.${layer}.ffn_down.weight`)!;
  return {
    llama,
    pointer,
    vocab,
    gguf,
    info,
    threads,
    contention: gpus ? undefined : makeContention(threads, say),
    budget: (job) => planBudget(modelShape, memory, job),
    oneSteering: gpus?.gpus.some(({ backend }) => backend === 'Vulkan') ?? false,
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

/** The devices in words; says so where a library for a GPU is at hand but no GPU. */
function deviceText(plan: GpuPlan | undefined, built: Device): string {
  if (plan) return [...new Set(plan.gpus.map(({ description }) => description))].join(', ');
  return built === 'cpu' || built === 'metal' ? 'cpu' : `cpu (no ${built} device was found)`;
}

function memoryPlan(
  gguf: Gguf,
  layers: number,
  plan: GpuPlan | undefined,
  { gpuLayers = -1, memory: limit }: LoadOptions,
  maxSequences: number,
): MemoryPlan {
  if (!plan) return { gpus: [], hostLayers: layers, limit, maxSequences };
  // An integrated GPU may tell of no memory of its own: it has the host's.
  const free = plan.gpus.map((gpu) => gpu.free || freemem());
  const placement = placeLayers(layers, gpuLayers, plan.split ?? free);
  const weights = weightsOnGpus(placement, gguf.tensors.values());
  return {
    gpus: plan.gpus.map((_, i) => ({
      layers: placement.gpuLayers[i],
      output: placement.output === i,
      weights: weights[i],
      free: free[i],
    })),
    hostLayers: placement.hostLayers,
    limit,
    maxSequences,
  };
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
