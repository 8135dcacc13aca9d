import { numberAt } from '../gguf/values.js';
import type { LoadedModel } from './model.js';

/**
 * How large contexts may be, so that the process stays within the weights + 1 GiB. llama.cpp allocates logits for
 * every output row twice (compute buffer and result): on a vocabulary of 262,144 that is 2 MiB a row.
 */
const LOGIT_BYTES = 192 << 20;
const KV_BYTES = 256 << 20;
const MOST_CELLS = 16384;
const MOST_ROWS = 512;
const MOST_SEQUENCES = 255;

/** Rows whose logits may be asked for in one decode. */
export function outputRows(model: LoadedModel): number {
  const rows = Math.floor(LOGIT_BYTES / (model.info.vocab * 4));
  return Math.max(16, Math.min(MOST_ROWS, rows));
}

/** Sequences of a sampling context beside the prefix. */
export function sampleSequences(model: LoadedModel): number {
  const most = Number(model.llama.maxSequences()) - 1;
  return Math.min(most, MOST_SEQUENCES, outputRows(model));
}

/** KV cells within the memory budget; `bytes` of one value in the cache. */
export function affordableCells(model: LoadedModel, bytes: 2 | 4): number {
  const { metadata } = model.gguf;
  const { architecture, layers, hidden } = model.info;
  const heads = numberAt(metadata, `${architecture}.attention.head_count`) ?? 1;
  const headSize = Math.ceil(hidden / heads);
  const kvHeads = numberAt(metadata, `${architecture}.attention.head_count_kv`) ?? heads;
  const key = numberAt(metadata, `${architecture}.attention.key_length`) ?? headSize;
  const value = numberAt(metadata, `${architecture}.attention.value_length`) ?? headSize;
  const cell = layers * kvHeads * (key + value) * bytes;
  return Math.max(1024, Math.min(MOST_CELLS, Math.floor(KV_BYTES / cell)));
}
