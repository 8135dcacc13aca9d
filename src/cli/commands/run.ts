import { join } from 'node:path';
import { fileName } from '../../formats/file-name.js';
import { type CollectTools, collect } from '../../pipeline/collect.js';
import type { RunContext } from '../../pipeline/context.js';
import { evaluate } from '../../pipeline/evaluate.js';
import type { Listener } from '../../pipeline/events.js';
import { extract } from '../../pipeline/extract.js';
import { runStages } from '../../pipeline/find.js';
import { STAGES } from '../../pipeline/manifest.js';
import { writeReport } from '../../pipeline/report-stage.js';
import { describeQuestionSet, identifyModel, makeContext } from '../../pipeline/run.js';
import { openExistingRun, openRunFolder, type RunFolder } from '../../pipeline/run-folder.js';
import {
  DEFAULT_SEED,
  makeCollectSettings,
  makeEvaluateSettings,
  makeExtractSettings,
  makeTrainSettings,
} from '../../pipeline/settings.js';
import { splitQuestions } from '../../pipeline/split.js';
import { train } from '../../pipeline/train.js';
import { judgeOverrides, judgeSettings, openJudging } from '../judges.js';
import {
  collectOverrides,
  DEFAULT_MODEL,
  type EngineFlags,
  engineChoice,
  evaluateOverrides,
  extractOverrides,
  type RunFlags,
  trainOverrides,
} from '../options.js';
import { onlyRun, readQuestionSet } from '../places.js';
import { endpointAccess, samplingOverrides } from '../sampling-options.js';
import { findModel, type Session, withProgress } from '../session.js';
import { printRun } from './print-run.js';

/** `hneurons find` (all stages) and `hneurons collect` (the first alone): from a model and questions to a run folder. */
export async function runFromQuestions(session: Session, flags: RunFlags, all: boolean): Promise<void> {
  const path = await withProgress(session, flags, async (emit) => {
    const judges = await judgeSettings(flags);
    const tools: CollectTools = {
      openJudging: () => openJudging(session, flags, judges, emit),
      access: await endpointAccess(flags),
    };
    const seed = flags.seed ?? DEFAULT_SEED;
    const set = await readQuestionSet(session, flags, seed, emit);
    const questions = splitQuestions(set.questions, seed);
    const twins = set.questions.length - questions.length;
    if (twins > 0) {
      const [are, them] = twins === 1 ? ['question is', 'it'] : ['questions are', 'them'];
      emit({ type: 'note', message: `${twins} test ${are} left out: the training half has ${them} too.` });
    }
    const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
    const { identity, promptKind, promptDate } = await identifyModel(
      found,
      session.environment,
      session.signal,
    );
    const promptStyle = await promptKind(flags.promptStyle ?? 'auto', (message) =>
      emit({ type: 'note', message }),
    );
    const settings = {
      questions,
      collect: makeCollectSettings({
        ...collectOverrides(flags),
        ...samplingOverrides(flags),
        ...judgeOverrides(flags, judges),
        promptStyle,
        seed,
      }),
      tools,
      extract: makeExtractSettings(extractOverrides(flags)),
      train: makeTrainSettings({ ...trainOverrides(flags), seed }),
      evaluate: makeEvaluateSettings({ ...evaluateOverrides(flags), seed }),
      causal: flags.causal ?? true,
    };
    const folder = await openRunFolder(
      flags.out ?? join('runs', `${fileName(identity.name)}-${set.name}`),
      {
        ...{ model: identity, questions: describeQuestionSet(set.source, set.questions), seed },
        ...promptDate(promptStyle),
      },
      {
        command: session.command,
        force: flags.force,
        onNotice: (message) => emit({ type: 'note', message }),
      },
    );
    await inFolder<unknown>(session, flags, emit, folder, (context) =>
      all
        ? runStages(context, STAGES, settings)
        : collect(context, settings.questions, settings.collect, tools),
    );
    return folder.path;
  });
  await printRun(session, flags, path, all ? 'report' : 'collect');
}

export type LaterStage = 'extract' | 'train' | 'evaluate' | 'report';

/** A later stage alone, in a folder that `collect` has made. */
export async function runLaterStage(session: Session, flags: RunFlags, stage: LaterStage): Promise<void> {
  const path = await withProgress(session, flags, async (emit) => {
    const folder = await openExistingRun(flags.out ?? onlyRun(), { command: session.command });
    const seed = flags.seed ?? folder.manifest.seed;
    const stages: Record<LaterStage, (context: RunContext) => Promise<boolean>> = {
      extract: (context) => extract(context, makeExtractSettings(extractOverrides(flags))),
      train: (context) => train(context, makeTrainSettings({ ...trainOverrides(flags), seed })),
      evaluate: (context) => evaluate(context, makeEvaluateSettings({ ...evaluateOverrides(flags), seed })),
      report: writeReport,
    };
    await inFolder(session, flags, emit, folder, async (context) => {
      // The model is that of the run; --model may say where its file is now.
      if (flags.model !== undefined)
        folder.manifest.model.path = (await findModel(session, flags.model, emit)).path;
      await stages[stage](context);
    });
    return folder.path;
  });
  await printRun(session, flags, path, stage);
}

/** Lends a context in a run folder to `work`, and closes model and folder whatever comes of that. */
export async function inFolder<T>(
  session: Session,
  flags: EngineFlags,
  emit: Listener,
  folder: RunFolder,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const context = makeContext({
    folder,
    engine: engineChoice(flags),
    services: session.environment,
    version: session.version,
    signal: session.signal,
    emit,
  });
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}
