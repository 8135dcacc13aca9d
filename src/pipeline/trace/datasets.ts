import { join } from 'node:path';
import { UNCERTAINTY_MARKERS } from '../../judge/uncertainty.js';
import type { Origin } from '../../report/origin/schema.js';
import type { ModelIdentity } from '../manifest.js';
import { lazyEngine } from '../run.js';
import { lock, type RunFolder } from '../run-folder.js';
import { CollectSettingsSchema } from '../settings.js';
import { requireStage } from '../stage.js';
import type { Dataset } from '../table/set.js';
import { makeTable } from '../table/table.js';
import { readTrainingQuestions } from '../table/unseen.js';
import type { BaseRunContext } from './base-run.js';
import { type Judge, judgeOfRun } from './transfer.js';

/** Matched samples of each class after which a data set has enough. */
const QUOTA = 200;

/**
 * The base model's answers to other data sets, one sample a question, weighed by the detector of the instruct model and by the
 * base model's own (the ceiling). Each question is asked once: the second table goes on from the answers of the first.
 * @param run the run of the detector; @param moved that detector; @param base the repeated run on the base model
 */
export async function transferOnDatasets(
  run: RunFolder,
  moved: Judge,
  base: RunFolder,
  model: ModelIdentity,
  datasets: readonly Dataset[],
  limit: number,
  context: BaseRunContext,
): Promise<Origin['datasets']> {
  const { services, signal, emit } = context;
  const engine = lazyEngine(async () => {
    emit({ type: 'start', step: 'model', label: 'load model' });
    const opened = await services.openEngine({ ...context.engine, modelPath: model.path, signal });
    opened.model.promptDate = base.manifest.promptDate;
    return opened;
  });
  const { seed, promptStyle, temperature, topK, topP, minP, maxTokens } = CollectSettingsSchema.parse(
    requireStage(base, 'collect').settings,
  );
  const out = join(base.path, 'datasets');
  const judging = await context.tools.openJudging();
  const release = lock(out);
  const weighedBy = async ({ detector, controls }: Judge, from: RunFolder) =>
    makeTable(
      { engine: engine.get, emit, signal, out },
      {
        detector,
        controls:
          controls.length > 0
            ? { schema: 'hneurons/controls', version: 1, model: detector.model, controls }
            : undefined,
        training: await readTrainingQuestions(from.file('questions.jsonl')),
        datasets,
        settings: { seed, promptStyle, temperature, topK, topP, minP, maxTokens, quota: QUOTA, limit },
        judging: { ...judging, markers: judging.markers ?? UNCERTAINTY_MARKERS },
        model,
        modelNames: [model.name],
        command: context.command,
        version: context.version,
      },
    );
  try {
    return { native: await weighedBy(await judgeOfRun(base), base), moved: await weighedBy(moved, run) };
  } finally {
    release();
    await judging.close?.();
    await engine.close();
  }
}
