import { Q8_0 } from '../src/engine/gguf/ggml-types.js';
import { float32, string, uint32 } from '../src/engine/gguf/values.js';
import { type TensorSource, writeGguf } from '../src/engine/gguf/write.js';
import { encode } from '../test/support/quantise.js';
import { seededRandom } from '../test/support/random.js';
import { tokenizerMetadata } from '../test/support/tiny-tokenizers.js';

export interface RandomShape {
  layers: number;
  hidden: number;
  ffn: number;
  heads: number;
  kvHeads: number;
  vocab: number;
}

/** Values that are drawn; larger matrices repeat them. */
const DRAWN = 1 << 20;

/**
 * Writes a llama model of random Q8_0 weights, for speed alone: it is as fast as a real one of its shape, and writes nonsense.
 * Takes seconds and little memory, whatever the size.
 */
export async function writeRandomModel(path: string, shape: RandomShape): Promise<void> {
  const { layers, hidden, ffn, heads, kvHeads, vocab } = shape;
  const head = hidden / heads;
  const tokenizer = tokenizerMetadata('spm', vocab, true);
  const tensors: TensorSource[] = [];
  const matrix = (name: string, inputs: number, outputs: number) => {
    const random = seededRandom(tensors.length + 1);
    const spread = Math.sqrt(12 / inputs);
    const count = inputs * outputs;
    const draw = () => {
      const values = Float32Array.from({ length: Math.min(DRAWN, count) }, () => spread * (random() - 0.5));
      return encode(values, 'q8_0');
    };
    tensors.push({
      name: `${name}.weight`,
      shape: [inputs, outputs],
      type: Q8_0,
      *data() {
        const { data } = draw();
        const bytes = (count / 32) * 34;
        for (let done = 0; done < bytes; done += data.length)
          yield data.subarray(0, Math.min(data.length, bytes - done));
      },
    });
  };
  const norm = (name: string) =>
    tensors.push({
      name: `${name}.weight`,
      shape: [hidden],
      ...encode(new Float32Array(hidden).fill(1), 'f32'),
    });
  matrix('token_embd', hidden, vocab);
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string) => `blk.${layer}.${name}`;
    norm(at('attn_norm'));
    matrix(at('attn_q'), hidden, hidden);
    matrix(at('attn_k'), hidden, kvHeads * head);
    matrix(at('attn_v'), hidden, kvHeads * head);
    matrix(at('attn_output'), hidden, hidden);
    norm(at('ffn_norm'));
    matrix(at('ffn_gate'), hidden, ffn);
    matrix(at('ffn_up'), hidden, ffn);
    matrix(at('ffn_down'), ffn, hidden);
  }
  norm('output_norm');
  matrix('output', hidden, vocab);
  const metadata = new Map([
    ['general.architecture', string('llama')],
    ['general.name', string('random llama')],
    ['general.file_type', uint32(7)],
    ['llama.context_length', uint32(4096)],
    ['llama.block_count', uint32(layers)],
    ['llama.embedding_length', uint32(hidden)],
    ['llama.feed_forward_length', uint32(ffn)],
    ['llama.attention.head_count', uint32(heads)],
    ['llama.attention.head_count_kv', uint32(kvHeads)],
    ['llama.attention.layer_norm_rms_epsilon', float32(1e-5)],
    ['llama.rope.dimension_count', uint32(head)],
    ...tokenizer.metadata,
  ]);
  await writeGguf(path, { metadata, tensors });
}
