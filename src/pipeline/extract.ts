import { readCases } from './cases.js';
import type { RunContext } from './context.js';
import { showsResidual, writePlan } from './feature-file.js';
import { hashFile } from './fingerprint.js';
import { casePlan } from './read-plan.js';
import type { ExtractSettings } from './settings.js';
import { requireStage, runStage } from './stage.js';

/** Stage 2 (method.md section 3): `features.safetensors` from `cases.jsonl`, one row a case. */
export async function extract(context: RunContext, settings: ExtractSettings): Promise<boolean> {
  const { folder, emit } = context;
  requireStage(folder, 'collect');
  const casesHash = await hashFile(folder.file('cases.jsonl'));
  const definition = { stage: 'extract' as const, settings: { ...settings }, inputs: { cases: casesHash } };
  return runStage(folder, definition, context.versions, emit, async () => {
    const cases = await readCases(folder.file('cases.jsonl'));
    const engine = await context.engine();
    const plan = casePlan(cases, { question: true, residual: await showsResidual(engine) });
    const { held } = await writePlan(
      engine,
      plan,
      {
        path: folder.file('features.safetensors'),
        donePath: folder.file('features.done.jsonl'),
        type: settings.features,
        metadata: { key: casesHash },
      },
      (done, total) => emit({ type: 'progress', step: 'extract', done, total, unit: 'samples' }),
    );
    const tokens = cases.reduce((sum, one) => sum + one.token_ids.length, 0);
    const neurons = engine.model.layers * engine.model.ffn;
    return {
      counts: {
        samples: cases.length,
        tokens,
        neurons,
        questionsNotFound: cases.filter((one) => one.question_start === null).length,
        ...(held > 0 && { heldAtFloat16Limit: held }),
      },
      summary: `${neurons} neurons read in ${cases.length} samples`,
    };
  });
}
