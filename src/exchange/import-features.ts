import { rm } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { createSafetensors } from '../formats/safetensors.js';
import type { RunContext } from '../pipeline/context.js';
import { readInputs } from '../pipeline/extract.js';
import type { RunFolder } from '../pipeline/run-folder.js';
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
  const { cases, keys } = await readInputs(folder);
  const definition = {
    stage: 'extract' as const,
    settings: {},
    inputs: { cases: keys.features, pairs: keys.pairs, activations: source },
  };
  return runStage(folder, definition, context.versions, emit, async () => {
    const { model } = folder.manifest;
    const columns = model.layers * model.ffn;
    const path = folder.file('features.safetensors');
    await rm(path, { force: true });
    const shape = [cases.length, columns];
    const { layers, ffn, hidden } = model;
    const sizes = { layers: String(layers), ffn: String(ffn), hidden: String(hidden) };
    const metadata = { key: keys.features, ...sizes };
    const features = await createSafetensors(
      path,
      // Zeros for the question's own tokens, as in every case that does not say where they are.
      { answer: { shape }, other: { shape }, question: { shape } },
      metadata,
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
    await writeNoPairs(folder, columns, { key: keys.pairs, ...sizes });
    return {
      counts: { samples: cases.length, neurons: columns },
      summary: `${columns} neurons of ${cases.length} samples, imported`,
    };
  });
}

/** An import has no pairs within questions: activation files are of one response a question. */
async function writeNoPairs(
  folder: RunFolder,
  columns: number,
  metadata: Record<string, string>,
): Promise<void> {
  const path = folder.file('pairs.safetensors');
  await rm(path, { force: true });
  const shape = [0, columns];
  (await createSafetensors(path, { right: { shape }, wrong: { shape } }, metadata)).close();
  await writeFileAtomic(folder.file('pairs.done.jsonl'), '');
}
