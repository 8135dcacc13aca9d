import { closeSync, openSync } from 'node:fs';
import { inspectModel } from '../engine/gguf/model.js';
import { readGguf } from '../engine/gguf/read.js';
import type { TensorInfo } from '../engine/gguf/types.js';
import { UserError } from '../errors.js';
import { storedRows } from './gguf.js';
import { requireFinite, rowReader } from './rows.js';
import type { StoredRows } from './types.js';

/** What lies between the last residual stream of a model and its logits, and between a down projection and that stream. */
export interface OutputPath {
  /** `[vocab, hidden]` */
  matrix: StoredRows;
  /** Whether the output matrix is that of the embedding. */
  tied: boolean;
  /** `layer`: the final norm takes the mean off first (LayerNorm); `rms`: it does not. */
  norm: 'rms' | 'layer';
  /** Weight of the final norm, `[hidden]`. Gemma's `1 +` is in the file already. */
  finalNorm: Float32Array;
  /** Weight of the norm that some architectures (gemma2, gemma3) put behind the down projection, `[hidden]`. */
  postNorm(layer: number): Float32Array | undefined;
}

/**
 * Opens the way from the residual stream to the logits in a GGUF model of any quantisation.
 * @throws UserError for a damaged file, or when the output matrix does not fit the residual stream.
 */
export async function openOutput(path: string): Promise<OutputPath> {
  const gguf = await readGguf(path);
  const { hidden, architecture } = inspectModel(gguf);
  const find = (name: string) => gguf.tensors.get(`${name}.weight`);
  const own = find('output');
  const tensor = own ?? find('token_embd');
  if (tensor?.shape.length !== 2 || tensor.shape[0] !== hidden) {
    throw new UserError(
      `${path}: the output matrix of this ${architecture} model does not read the residual stream of ${hidden} numbers, so what a neuron does to tokens cannot be told`,
    );
  }
  const final = find('output_norm');
  const has = (kind: string) => gguf.metadata.has(`${architecture}.attention.${kind}_epsilon`);
  return {
    matrix: storedRows(tensor),
    tied: own === undefined,
    norm: has('layer_norm') && !has('layer_norm_rms') ? 'layer' : 'rms',
    // A norm without weights (OLMo) is one whose weights are 1.
    finalNorm: final ? readVector(final, hidden) : new Float32Array(hidden).fill(1),
    postNorm: (layer) => {
      const post = find(`blk.${layer}.post_ffw_norm`);
      return post && readVector(post, hidden);
    },
  };
}

function readVector(tensor: TensorInfo, length: number): Float32Array {
  if (tensor.shape[0] !== length || tensor.shape.length !== 1) {
    throw new UserError(
      `${tensor.file}: ${tensor.name} is ${tensor.shape.join(' x ')}, expected ${length}; download the model again`,
    );
  }
  const file = openSync(tensor.file, 'r');
  try {
    const rows = storedRows(tensor);
    const values = rowReader(rows, file, 1).read(0, 1).slice();
    requireFinite(values, rows);
    return values;
  } finally {
    closeSync(file);
  }
}
