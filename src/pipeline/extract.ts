import { readCases } from './cases.js';
import type { RunContext } from './context.js';
import { writeFeatures } from './feature-file.js';
import { hashFile } from './fingerprint.js';
import { requireStage, runStage } from './stage.js';

/** Stage 2 (method.md section 3): `features.safetensors` from `cases.jsonl`, one row a case. */
export async function extract(context: RunContext): Promise<boolean> {
  const { folder, emit } = context;
  requireStage(folder, 'collect');
  const casesHash = await hashFile(folder.file('cases.jsonl'));
  const definition = { stage: 'extract' as const, settings: {}, inputs: { cases: casesHash } };
  return runStage(folder, definition, context.versions, emit, async () => {
    const cases = await readCases(folder.file('cases.jsonl'));
    const engine = await context.engine();
    await writeFeatures({
      engine,
      cases,
      path: folder.file('features.safetensors'),
      donePath: folder.file('features.done.jsonl'),
      key: casesHash,
      onProgress: (done, total) => emit({ type: 'progress', step: 'extract', done, total, unit: 'samples' }),
    });
    const tokens = cases.reduce((sum, one) => sum + one.token_ids.length, 0);
    const neurons = engine.model.layers * engine.model.ffn;
    return {
      counts: { samples: cases.length, tokens, neurons },
      summary: `${neurons} neurons read in ${cases.length} samples`,
    };
  });
}
