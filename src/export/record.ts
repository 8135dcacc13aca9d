import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../formats/atomic.js';
import { type Detector, detectorIdentity, requireHNeurons } from '../pipeline/detector.js';

/** What an exported file says about itself: which neurons of which model, and alpha. */
export const ExportRecordSchema = z.object({
  schema: z.literal('hneurons/intervention'),
  version: z.literal(1),
  /** Null: the scale is set when the adapter is used, as alpha - 1. */
  alpha: z.number().nullable(),
  /** How alpha got in. */
  method: z.string(),
  model: z.object({ name: z.string(), sha256: z.string() }),
  /** Hash of the detector that the neurons come from. */
  detector: z.string(),
  neurons: z.array(z.tuple([z.int().min(0), z.int().min(0)])),
});
export type ExportRecord = z.infer<typeof ExportRecordSchema>;

/** Key of the metadata of a GGUF or safetensors file under which the record stands, as JSON. */
export const RECORD_KEY = 'hneurons.intervention';

/** Where the record of a folder stands: it also says that the folder was made here, and may be replaced. */
export const RECORD_FILE = 'hneurons.json';

export async function writeRecord(folder: string, record: ExportRecord): Promise<void> {
  await writeFileAtomic(join(folder, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record of an export. */
export function recordOf(detector: Detector, alpha: number | null, method: string): ExportRecord {
  const { ffn, name, sha256 } = detector.model;
  return {
    schema: 'hneurons/intervention',
    version: 1,
    alpha,
    method,
    model: { name, sha256 },
    detector: detectorIdentity(detector),
    neurons: requireHNeurons(detector).map((flat) => [Math.floor(flat / ffn), flat % ffn]),
  };
}
