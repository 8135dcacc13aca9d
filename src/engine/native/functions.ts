/** Libraries of a llama.cpp build, in the order in which they are loaded. */
export const LIBRARIES = ['ggml-base', 'ggml', 'llama'] as const;
export type LibraryName = (typeof LIBRARIES)[number];

/**
 * Every C function that this program binds, by the library that exports it. `scripts/platforms.js` checks this list
 * against the export tables of the prebuilt packages; a test fails until it is run again after a change here.
 */
export const FUNCTIONS = {
  'ggml-base': {
    typeTraits: 'void *ggml_get_type_traits(int32_t type)',
    tensorGet: 'void ggml_backend_tensor_get(void *tensor, void *data, size_t offset, size_t size)',
    bufferIsHost: 'bool ggml_backend_buffer_is_host(void *buffer)',
    deviceType: 'int32_t ggml_backend_dev_type(void *device)',
    deviceDescription: 'const char *ggml_backend_dev_description(void *device)',
    deviceMemory: 'void ggml_backend_dev_memory(void *device, _Out_ uint64_t *free, _Out_ uint64_t *total)',
    backendName: 'const char *ggml_backend_reg_name(void *backend)',
    deviceBackend: 'void *ggml_backend_dev_backend_reg(void *device)',
    backendFunction: 'void *ggml_backend_reg_get_proc_address(void *backend, const char *name)',
    threadPoolDefaults: 'void ggml_threadpool_params_init(_Out_ uint8_t *parameters, int n_threads)',
    quantizeChunk:
      'size_t ggml_quantize_chunk(int32_t type, const float *src, _Out_ void *dst, int64_t start, int64_t nrows, int64_t n_per_row, const float *imatrix)',
    quantizeNeedsImportance: 'bool ggml_quantize_requires_imatrix(int32_t type)',
    graphInit: 'void *ggml_init(ggml_init_params params)',
    graphFree: 'void ggml_free(void *ctx)',
    newTensor2d: 'void *ggml_new_tensor_2d(void *ctx, int32_t type, int64_t ne0, int64_t ne1)',
    mulMat: 'void *ggml_mul_mat(void *ctx, void *a, void *b)',
    setName: 'void *ggml_set_name(void *tensor, const char *name)',
  },
  ggml: {
    loadBackends: 'void ggml_backend_load_all_from_path(const char *dir)',
    deviceCount: 'size_t ggml_backend_dev_count()',
    deviceGet: 'void *ggml_backend_dev_get(size_t i)',
  },
  llama: {
    version: 'const char *llama_version()',
    backendInit: 'void llama_backend_init()',
    modelDefaults: 'llama_model_params llama_model_default_params()',
    contextDefaults: 'llama_context_params llama_context_default_params()',
    quantizeDefaults: 'llama_model_quantize_params llama_model_quantize_default_params()',
    quantize:
      'uint32_t llama_model_quantize(const char *in, const char *out, const llama_model_quantize_params *params)',
    modelLoad: 'void *llama_model_load_from_file(const char *path, llama_model_params params)',
    modelFree: 'void llama_model_free(void *model)',
    modelSize: 'uint64_t llama_model_size(void *model)',
    modelVocab: 'void *llama_model_get_vocab(void *model)',
    modelIsRecurrent: 'bool llama_model_is_recurrent(void *model)',
    modelIsHybrid: 'bool llama_model_is_hybrid(void *model)',
    modelWindow: 'int32_t llama_model_n_swa(void *model)',
    modelContextTrain: 'int32_t llama_model_n_ctx_train(void *model)',
    contextNew: 'void *llama_init_from_model(void *model, llama_context_params params)',
    contextFree: 'void llama_free(void *ctx)',
    contextCells: 'uint32_t llama_n_ctx(void *ctx)',
    memory: 'void *llama_get_memory(void *ctx)',
    memoryClear: 'void llama_memory_clear(void *mem, bool data)',
    seqRemove: 'bool llama_memory_seq_rm(void *mem, int32_t seq, int32_t from, int32_t to)',
    seqCopy: 'void llama_memory_seq_cp(void *mem, int32_t source, int32_t target, int32_t from, int32_t to)',
    maxDevices: 'size_t llama_max_devices()',
    maxSequences: 'size_t llama_max_parallel_sequences()',
    batchInit: 'llama_batch llama_batch_init(int32_t n_tokens, int32_t embd, int32_t n_seq_max)',
    batchFree: 'void llama_batch_free(llama_batch batch)',
    decode: 'int32_t llama_decode(void *ctx, llama_batch batch)',
    logitsAt: 'void *llama_get_logits_ith(void *ctx, int32_t i)',
    synchronize: 'void llama_synchronize(void *ctx)',
    vocabSize: 'int32_t llama_vocab_n_tokens(void *vocab)',
    vocabIsEog: 'bool llama_vocab_is_eog(void *vocab, int32_t token)',
    vocabBos: 'int32_t llama_vocab_bos(void *vocab)',
    vocabEos: 'int32_t llama_vocab_eos(void *vocab)',
    vocabAddBos: 'bool llama_vocab_get_add_bos(void *vocab)',
    vocabText: 'const char *llama_vocab_get_text(void *vocab, int32_t token)',
    tokenize:
      'int32_t llama_tokenize(void *vocab, const void *text, int32_t text_len, _Out_ int32_t *tokens, int32_t n_max, bool add_special, bool parse_special)',
    tokenToPiece:
      'int32_t llama_token_to_piece(void *vocab, int32_t token, _Out_ uint8_t *buf, int32_t length, int32_t lstrip, bool special)',
    detokenize:
      'int32_t llama_detokenize(void *vocab, const int32_t *tokens, int32_t n_tokens, _Out_ uint8_t *text, int32_t room, bool remove_special, bool unparse_special)',
    adapterLoad: 'void *llama_adapter_lora_init(void *model, const char *path)',
    adapterFree: 'void llama_adapter_lora_free(void *adapter)',
    adaptersSet: 'int32_t llama_set_adapters_lora(void *ctx, void **adapters, size_t n, float *scales)',
    setThreads: 'void llama_set_n_threads(void *ctx, int32_t threads, int32_t batch_threads)',
    threadPoolAttach: 'void llama_attach_threadpool(void *ctx, void *pool, void *batch_pool)',
  },
} as const satisfies Record<LibraryName, Record<string, string>>;

/** Functions that are asked of the CPU backend by name. They are optional: without them everything works, slower. */
export const CPU_BACKEND_FUNCTIONS = { threadPoolNew: 'ggml_threadpool_new' } as const;

/** Name of the C function that a definition declares. */
export function functionName(definition: string): string {
  return (
    definition
      .slice(0, definition.indexOf('('))
      .split(/[\s*]+/)
      .at(-1) ?? ''
  );
}
