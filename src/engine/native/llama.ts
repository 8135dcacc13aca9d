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
    throw new UserError(`Cannot load llama.cpp from ${files.folder}: ${oneLine(error)}`, { cause: error });
  }
  const bind = (library: LibraryHandle, definition: string) => {
    try {
      return library.func(definition);
    } catch (error) {
      throw new UserError(`The llama.cpp library in ${files.folder} lacks a function: ${oneLine(error)}`, {
        cause: error,
      });
    }
  };
  // The types must be registered before a definition names them.
  void [LlamaModelParams, LlamaContextParams, LlamaQuantizeParams, LlamaBatch, GgmlInitParams];
  const f = (definition: string) => bind(llama, definition);
  const g = (definition: string) => bind(base, definition);
  const bound = {
    version: f('const char *llama_version()') as () => string,
    backendInit: f('void llama_backend_init()') as () => void,
    loadBackends: bind(ggml, 'void ggml_backend_load_all_from_path(const char *dir)') as (
      dir: string,
    ) => void,
    modelDefaults: f('llama_model_params llama_model_default_params()'),
    contextDefaults: f('llama_context_params llama_context_default_params()'),
    quantizeDefaults: f('llama_model_quantize_params llama_model_quantize_default_params()'),
    quantize: f(
      'uint32_t llama_model_quantize(const char *in, const char *out, const llama_model_quantize_params *params)',
    ),
    modelLoad: f('void *llama_model_load_from_file(const char *path, llama_model_params params)'),
    modelFree: f('void llama_model_free(void *model)'),
    modelSize: f('uint64_t llama_model_size(void *model)'),
    modelVocab: f('void *llama_model_get_vocab(void *model)'),
    modelIsRecurrent: f('bool llama_model_is_recurrent(void *model)'),
    modelIsHybrid: f('bool llama_model_is_hybrid(void *model)'),
    modelWindow: f('int32_t llama_model_n_swa(void *model)'),
    modelContextTrain: f('int32_t llama_model_n_ctx_train(void *model)'),
    contextNew: f('void *llama_init_from_model(void *model, llama_context_params params)'),
    contextFree: f('void llama_free(void *ctx)'),
    contextCells: f('uint32_t llama_n_ctx(void *ctx)'),
    memory: f('void *llama_get_memory(void *ctx)'),
    memoryClear: f('void llama_memory_clear(void *mem, bool data)'),
    seqRemove: f('bool llama_memory_seq_rm(void *mem, int32_t seq, int32_t from, int32_t to)'),
    seqCopy: f(
      'void llama_memory_seq_cp(void *mem, int32_t source, int32_t target, int32_t from, int32_t to)',
    ),
    maxSequences: f('size_t llama_max_parallel_sequences()'),
    batchInit: f('llama_batch llama_batch_init(int32_t n_tokens, int32_t embd, int32_t n_seq_max)'),
    batchFree: f('void llama_batch_free(llama_batch batch)'),
    decode: f('int32_t llama_decode(void *ctx, llama_batch batch)'),
    logitsAt: f('void *llama_get_logits_ith(void *ctx, int32_t i)'),
    synchronize: f('void llama_synchronize(void *ctx)'),
    vocabSize: f('int32_t llama_vocab_n_tokens(void *vocab)'),
    vocabIsEog: f('bool llama_vocab_is_eog(void *vocab, int32_t token)'),
    vocabBos: f('int32_t llama_vocab_bos(void *vocab)'),
    vocabEos: f('int32_t llama_vocab_eos(void *vocab)'),
    vocabAddBos: f('bool llama_vocab_get_add_bos(void *vocab)'),
    vocabText: f('const char *llama_vocab_get_text(void *vocab, int32_t token)'),
    tokenize: f(
      'int32_t llama_tokenize(void *vocab, const void *text, int32_t text_len, _Out_ int32_t *tokens, int32_t n_max, bool add_special, bool parse_special)',
    ),
    tokenToPiece: f(
      'int32_t llama_token_to_piece(void *vocab, int32_t token, _Out_ uint8_t *buf, int32_t length, int32_t lstrip, bool special)',
    ),
    detokenize: f(
      'int32_t llama_detokenize(void *vocab, const int32_t *tokens, int32_t n_tokens, _Out_ uint8_t *text, int32_t room, bool remove_special, bool unparse_special)',
    ),
    adapterLoad: f('void *llama_adapter_lora_init(void *model, const char *path)'),
    adapterFree: f('void llama_adapter_lora_free(void *adapter)'),
    adaptersSet: f('int32_t llama_set_adapters_lora(void *ctx, void **adapters, size_t n, float *scales)'),
    typeTraits: g('void *ggml_get_type_traits(int32_t type)') as (type: number) => Pointer,
    tensorGet: g('void ggml_backend_tensor_get(void *tensor, void *data, size_t offset, size_t size)'),
    bufferIsHost: g('bool ggml_backend_buffer_is_host(void *buffer)') as (buffer: Pointer) => boolean,
    deviceCount: bind(ggml, 'size_t ggml_backend_dev_count()') as () => number,
    deviceGet: bind(ggml, 'void *ggml_backend_dev_get(size_t i)'),
    deviceType: g('int32_t ggml_backend_dev_type(void *device)'),
    deviceDescription: g('const char *ggml_backend_dev_description(void *device)'),
    deviceMemory: g(
      'void ggml_backend_dev_memory(void *device, _Out_ uint64_t *free, _Out_ uint64_t *total)',
    ) as (device: Pointer, free: BigUint64Array, total: BigUint64Array) => void,
    backendName: g('const char *ggml_backend_reg_name(void *backend)') as (backend: Pointer) => string,
    maxDevices: f('size_t llama_max_devices()') as () => number | bigint,
    deviceBackend: g('void *ggml_backend_dev_backend_reg(void *device)') as (device: Pointer) => Pointer,
    backendFunction: g('void *ggml_backend_reg_get_proc_address(void *backend, const char *name)') as (
      backend: Pointer,
      name: string,
    ) => Pointer | null,
    threadPoolDefaults: g('void ggml_threadpool_params_init(_Out_ uint8_t *parameters, int n_threads)') as (
      parameters: Uint8Array,
      threads: number,
    ) => void,
    setThreads: f('void llama_set_n_threads(void *ctx, int32_t threads, int32_t batch_threads)'),
    threadPoolAttach: f('void llama_attach_threadpool(void *ctx, void *pool, void *batch_pool)'),
    mulMatOp: 0,
  };
  checkDefaults(bound.version(), files.folder, bound.modelDefaults(), bound.contextDefaults());
  bound.mulMatOp = checkTensor(g, files.folder);
  return bound;
}

/** Lets the library build y = W x and reads the node back: proves the tensor layout and tells MUL_MAT's number. */
function checkTensor(g: (definition: string) => ReturnType<LibraryHandle['func']>, folder: string): number {
  const init = g('void *ggml_init(ggml_init_params params)');
  const tensor2d = g('void *ggml_new_tensor_2d(void *ctx, int32_t type, int64_t ne0, int64_t ne1)');
  const mulMat = g('void *ggml_mul_mat(void *ctx, void *a, void *b)');
  const setName = g('void *ggml_set_name(void *tensor, const char *name)');
  const context: Pointer = init({ mem_size: 1 << 16, mem_buffer: null, no_alloc: true });
  const weight: Pointer = tensor2d(context, 0, 32, 7);
  const input: Pointer = tensor2d(context, 0, 32, 5);
  const node: Pointer = mulMat(context, weight, input);
  setName(node, 'abi.check');
  const fits =
    readInt(node, TENSOR.ne) === 7 &&
    readInt(node, TENSOR.ne + 8) === 5 &&
    readAddress(node, TENSOR.src) === Number(weight) &&
    readAddress(node, TENSOR.src + 8) === Number(input) &&
    readName(node) === 'abi.check' &&
    readInt32(node, TENSOR.op) > 0;
  const op = readInt32(node, TENSOR.op);
  g('void ggml_free(void *ctx)')(context);
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

function oneLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).replace(/\s+/g, ' ');
}
