import { type CollectTools, collect } from './collect.js';
import type { RunContext } from './context.js';
import { evaluate } from './evaluate.js';
import { extract } from './extract.js';
import { causalCheck } from './intervene/causal-check.js';
import type { StageName } from './manifest.js';
import { writeReport } from './report-stage.js';
import type { CollectSettings, EvaluateSettings, ExtractSettings, TrainSettings } from './settings.js';
import type { SplitQuestion } from './split.js';
import { train } from './train.js';

export interface FindSettings {
  questions: SplitQuestion[];
  collect: CollectSettings;
  tools?: CollectTools;
  extract: ExtractSettings;
  train: TrainSettings;
  evaluate: EvaluateSettings;
  /** Whether to check, after the evaluation, if turning the neurons changes what the model does. */
  causal?: boolean;
}

/** Runs some stages in order; those whose result is there already are skipped. */
export async function runStages(
  context: RunContext,
  stages: readonly StageName[],
  settings: FindSettings,
): Promise<void> {
  const bodies: Record<StageName, () => Promise<boolean>> = {
    collect: () => collect(context, settings.questions, settings.collect, settings.tools),
    extract: () => extract(context, settings.extract),
    train: () => train(context, settings.train),
    evaluate: () => evaluate(context, settings.evaluate),
    report: () => writeReport(context),
  };
  for (const stage of stages) {
    context.signal?.throwIfAborted();
    await bodies[stage]();
    if (stage === 'evaluate' && settings.causal) await causalCheck(context);
  }
}
