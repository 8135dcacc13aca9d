import type { DriftArrays } from '../../drift/describe.js';
import { createSafetensors } from '../../formats/safetensors.js';

/** Drift, score and rank of every neuron, float32 `[layers, ffn]` each. */
export async function writeDriftArrays(path: string, { drift, score, rank }: DriftArrays): Promise<void> {
  const { layers, ffn, up, gate, down } = drift;
  const arrays = { up, ...(gate && { gate }), down, score, rank };
  const shapes = Object.fromEntries(Object.keys(arrays).map((name) => [name, { shape: [layers, ffn] }]));
  const writer = await createSafetensors(path, shapes);
  try {
    for (const [name, values] of Object.entries(arrays)) {
      for (let layer = 0; layer < layers; layer++) {
        writer.writeRow(name, layer, Float32Array.from(values.subarray(layer * ffn, (layer + 1) * ffn)));
      }
    }
    writer.sync();
  } finally {
    writer.close();
  }
}
