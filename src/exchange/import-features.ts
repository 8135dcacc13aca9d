import { rm } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { createSafetensors } from '../formats/safetensors.js';
import { readCases } from '../pipeline/cases.js';
import type { RunContext } from '../pipeline/context.js';
import { hashFile } from '../pipeline/fingerprint.js';
import { runStage } from '../pipeline/stage.js';
import { type ActivationFiles, LOCATIONS, type Location, readActivation } from './activations.js';

const PLACES = Object.keys(LOCATIONS) as Location[];

/** Whether a question has both activation files. */
export function hasActivations(activations: ActivationFiles, id: string): boolean {
  return PLACES.every((location) => activations.get(location)?.has(id));
}

/**
 * The second stage from activation files in place of a model: `features.safetensors` with a row for each case of the run.
 * @param activations both files of every case
 * @throws UserError for a file of another model, or a damaged one.
 */
export async function importFeatures(
  context: RunContext,
  activations: ActivationFiles,
  source: string,
): Promise<boolean> {
  const { folder, emit } = context;
  const casesHash = await hashFile(folder.file('cases.jsonl'));
  const definition = {
    stage: 'extract' as const,
    settings: {},
    inputs: { cases: casesHash, activations: source },
  };
  return runStage(folder, definition, context.versions, emit, async () => {
    const cases = await readCases(folder.file('cases.jsonl'));
    const { model } = folder.manifest;
    const columns = model.layers * model.ffn;
    const path = folder.file('features.safetensors');
    await rm(path, { force: true });
    const shape = [cases.length, columns];
    const features = await createSafetensors(
      path,
      { answer: { shape }, other: { shape } },
      { key: casesHash, layers: String(model.layers), ffn: String(model.ffn) },
    );
    try {
      for (const [row, { id }] of cases.entries()) {
        context.signal?.throwIfAborted();
        emit({ type: 'progress', step: 'extract', done: row, total: cases.length, unit: 'samples' });
        for (const location of PLACES) {
          const file = activations.get(location)?.get(id);
          if (file === undefined) throw new UserError(`there is no ${LOCATIONS[location]} file of ${id}`);
          features.writeRow(location, row, await readActivation(file, model));
        }
      }
      features.sync();
    } finally {
      features.close();
    }
    const done = cases.map((_, row) => `${JSON.stringify({ row })}\n`);
    await writeFileAtomic(folder.file('features.done.jsonl'), done.join(''));
    return {
      counts: { samples: cases.length, neurons: columns },
      summary: `${columns} neurons of ${cases.length} samples, imported`,
    };
  });
}
