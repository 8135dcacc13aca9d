import koffi from 'koffi';
import { UserError } from '../../errors.js';

/**
 * Layouts of llama.cpp's C structs, which differ between versions, and the proof at load time that the library at
 * hand has them: its own default parameters and a tensor that it builds itself must decode to known values.
 * Checked with llama.cpp 0.4.0 and 0.5.0.
 */
export const LlamaModelParams = koffi.struct('llama_model_params', {
  devices: 'void *',
  tensor_buft_overrides: 'void *',
  n_gpu_layers: 'int32_t',
  split_mode: 'int32_t',
  load_mode: 'int32_t',
  lazy_mode: 'int32_t',
  main_gpu: 'int32_t',
  tensor_split: 'void *',
  progress_callback: 'void *',
  progress_callback_user_data: 'void *',
  kv_overrides: 'void *',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
});

export const LlamaContextParams = koffi.struct('llama_context_params', {
  n_ctx: 'uint32_t',
  n_batch: 'uint32_t',
  n_ubatch: 'uint32_t',
  n_seq_max: 'uint32_t',
  n_rs_seq: 'uint32_t',
  n_outputs_max: 'uint32_t',
  n_outputs_max_per_seq: 'uint32_t',
  n_threads: 'int32_t',
  n_threads_batch: 'int32_t',
  ctx_type: 'int32_t',
  rope_scaling_type: 'int32_t',
  pooling_type: 'int32_t',
  attention_type: 'int32_t',
  flash_attn_type: 'int32_t',
  rope_freq_base: 'float',
  rope_freq_scale: 'float',
  yarn_ext_factor: 'float',
  yarn_attn_factor: 'float',
  yarn_beta_fast: 'float',
  yarn_beta_slow: 'float',
  yarn_orig_ctx: 'uint32_t',
  defrag_thold: 'float',
  cb_eval: 'void *',
  cb_eval_user_data: 'void *',
  type_k: 'int32_t',
  type_v: 'int32_t',
  abort_callback: 'void *',
  abort_callback_data: 'void *',
  embeddings: 'bool',
  offload_kqv: 'bool',
  no_perf: 'bool',
  op_offload: 'bool',
  swa_full: 'bool',
  kv_unified: 'bool',
  samplers: 'void *',
  n_samplers: 'size_t',
  ctx_other: 'void *',
});

export const LlamaQuantizeParams = koffi.struct('llama_model_quantize_params', {
  nthread: 'int32_t',
  ftype: 'int32_t',
  output_tensor_type: 'int32_t',
  token_embedding_type: 'int32_t',
  allow_requantize: 'bool',
  quantize_output_tensor: 'bool',
  only_copy: 'bool',
  pure: 'bool',
  keep_split: 'bool',
  dry_run: 'bool',
  imatrix: 'void *',
  kv_overrides: 'void *',
  tt_overrides: 'void *',
  prune_layers: 'void *',
  max_buf_size: 'size_t',
});

export const LlamaBatch = koffi.struct('llama_batch', {
  n_tokens: 'int32_t',
  token: 'void *',
  embd: 'void *',
  pos: 'void *',
  n_seq_id: 'void *',
  seq_id: 'void *',
  logits: 'void *',
});

export const GgmlInitParams = koffi.struct('ggml_init_params', {
  mem_size: 'size_t',
  mem_buffer: 'void *',
  no_alloc: 'bool',
});

/** Byte offsets inside `struct ggml_tensor`, `struct ggml_type_traits`. */
export const TENSOR = {
  type: 0,
  buffer: 8,
  ne: 16,
  nb: 48,
  op: 80,
  src: 152,
  data: 248,
  name: 256,
  size: 336,
};
export const TRAITS = { blockSize: 8, typeSize: 24, toFloat: 40 };

const MODEL_DEFAULTS = {
  n_gpu_layers: -1,
  split_mode: 1,
  main_gpu: 0,
  vocab_only: false,
  check_tensors: false,
};
const CONTEXT_DEFAULTS = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  yarn_ext_factor: -1,
  defrag_thold: -1,
  type_k: 1,
  type_v: 1,
  embeddings: false,
  offload_kqv: true,
  swa_full: true,
  kv_unified: false,
};

type Values = Record<string, unknown>;

/**
 * Refuses a library whose structs are laid out otherwise.
 * @throws UserError that names the library, its version and the first value that was not as expected.
 */
export function checkDefaults(
  version: string,
  folder: string,
  modelDefaults: Values,
  contextDefaults: Values,
): void {
  const compare = (kind: string, got: Values, want: Values) => {
    for (const [field, expected] of Object.entries(want))
      if (got[field] !== expected)
        throw new UserError(
          `The llama.cpp library in ${folder} (version ${version}) does not fit: its default ${kind} ${field} reads ${String(got[field])}, expected ${String(expected)}. Use a build of version 0.4.0 or 0.5.0, or leave --library out`,
        );
  };
  compare('model parameter', modelDefaults, MODEL_DEFAULTS);
  compare('context parameter', contextDefaults, CONTEXT_DEFAULTS);
}
