import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { writeFileAtomic } from '../formats/atomic.js';
import { type Detector, DetectorModelSchema, detectorIdentity } from '../pipeline/detector.js';

/** A plain list of a detector's neurons, for other programs. */
export const NeuronListSchema = z.object({
  schema: z.literal('hneurons/neurons'),
  version: z.literal(1),
  model: DetectorModelSchema,
  /** Hash of the detector. */
  detector: z.string(),
  intercept: z.number(),
  /** Largest weight first. An H-Neuron has a positive weight; the others speak against hallucination and are never scaled. */
  neurons: z.array(
    z.object({
      layer: z.int().min(0),
      index: z.int().min(0),
      weight: z.number(),
      hNeuron: z.boolean(),
    }),
  ),
});
export type NeuronList = z.infer<typeof NeuronListSchema>;

export function neuronList(detector: Detector): NeuronList {
  return {
    schema: 'hneurons/neurons',
    version: 1,
    model: detector.model,
    detector: detectorIdentity(detector),
    intercept: detector.intercept,
    neurons: detector.neurons
      .map(({ layer, index, weight }) => ({ layer, index, weight, hNeuron: weight > 0 }))
      .sort((a, b) => b.weight - a.weight || a.layer - b.layer || a.index - b.index),
  };
}

/** The two files of a list, whatever ending its name was given with. */
export function listFiles(out: string): { json: string; csv: string } {
  const stem = out.replace(/\.(json|csv)$/i, '');
  return { json: `${stem}.json`, csv: `${stem}.csv` };
}

/**
 * Writes the neurons of a detector as JSON ({@link NeuronListSchema}) and as CSV (layer, index, weight, hNeuron).
 * @throws UserError when a file cannot be written
 */
export async function writeNeuronList(detector: Detector, out: string): Promise<void> {
  const list = neuronList(detector);
  const { json, csv } = listFiles(out);
  const columns = ['layer', 'index', 'weight', 'hNeuron'];
  const cast = { boolean: (value: boolean) => String(value) };
  await writeFileAtomic(json, `${JSON.stringify(list, null, 2)}\n`);
  await writeFileAtomic(csv, stringify(list.neurons, { header: true, columns, cast }));
}
