import { join } from 'node:path';
import { packageVersion } from '../cli/environment.js';
import { openDataset } from '../datasets/open.js';
import { openEngine } from '../engine/index.js';
import type { PromptKind } from '../engine/text/prompt.js';
import { fileName } from '../formats/file-name.js';
import { modelSha256, resolveModel } from '../models/index.js';
import type { Listener } from '../pipeline/events.js';
import { runStages } from '../pipeline/find.js';
import { STAGES, type StageName } from '../pipeline/manifest.js';
import { describeQuestionSet, identifyModel, makeContext } from '../pipeline/run.js';
import { openRunFolder } from '../pipeline/run-folder.js';
import {
  type CollectSettings,
  DEFAULT_SEED,
  type EvaluateSettings,
  type ExtractSettings,
  makeCollectSettings,
  makeEvaluateSettings,
  makeExtractSettings,
  makeTrainSettings,
  type TrainSettings,
} from '../pipeline/settings.js';
import { splitQuestions } from '../pipeline/split.js';
import { checkOptions } from './check.js';
import { Detector } from './detector.js';
import { engineChoice } from './engine-choice.js';
import type { OpenOptions } from './model.js';
import { FIND } from './rules.js';

export interface FindOptions
  extends Pick<
    OpenOptions,
    'threads' | 'device' | 'gpuLayers' | 'splitMode' | 'split' | 'mainGpu' | 'memory' | 'library' | 'signal'
  > {
  /** As in `Model.open`; default `gemma-3-270m`. */
  model?: string;
  /** A set by name, a file of questions, or several with `+` between; default `facts`, which are built in. */
  dataset?: string;
  /** At most so many questions of the set. */
  limit?: number;
  /** The run folder; default `runs/MODEL-SET`. One that is there already is gone on with. */
  out?: string;
  /** Of all that is drawn; default 1. */
  seed?: number;
  promptStyle?: PromptKind;
  /** Only some stages, in their order; default all: collect, extract, train, evaluate, report. */
  stages?: readonly StageName[];
  collect?: Partial<CollectSettings>;
  extract?: Partial<ExtractSettings>;
  train?: Partial<TrainSettings>;
  evaluate?: Partial<EvaluateSettings>;
  /** Hears how far the run is. */
  onEvent?: Listener;
}

export interface Run {
  /** The run folder. */
  folder: string;
  /** Undefined until the stage `train` has run. */
  detector: Detector | undefined;
}

/**
 * Finds the H-Neurons of a model: the stages of `hneurons find` over a run folder. Stages whose result is there are skipped, and
 * one that was stopped goes on where it was. The report stands in `report.json` and `report.html` of the folder.
 * @throws UserError for settings that contradict each other, too few samples, or a model or set that is not to be had
 */
export async function find(options: FindOptions = {}): Promise<Run> {
  checkOptions('find', options, FIND);
  const { model = 'gemma-3-270m', dataset = 'facts', seed = DEFAULT_SEED, limit, signal } = options;
  const { onEvent: emit = () => {}, stages = STAGES } = options;
  const engine = engineChoice(options);
  const onNotice = (message: string) => emit({ type: 'note', message });
  const set = await openDataset(dataset, { limit, seed, signal, onNotice });
  const questions = splitQuestions(set.questions, seed);
  const services = { openEngine, modelSha256 };
  const found = await resolveModel(model, { signal, onNotice });
  const { identity, promptKind, promptDate } = await identifyModel(found, services, signal);
  const promptStyle = await promptKind(options.promptStyle ?? 'auto', onNotice);
  const settings = {
    questions,
    collect: makeCollectSettings({ ...options.collect, promptStyle, seed }),
    extract: makeExtractSettings(options.extract),
    train: makeTrainSettings({ ...options.train, seed }),
    evaluate: makeEvaluateSettings({ ...options.evaluate, seed }),
  };
  const name = set.name === 'facts' ? 'builtin' : set.name;
  const folder = await openRunFolder(
    options.out ?? join('runs', `${fileName(identity.name)}-${fileName(name)}`),
    {
      ...{ model: identity, questions: describeQuestionSet(set.source, set.questions), seed },
      ...promptDate(promptStyle),
    },
    { command: ['library', 'find'], onNotice },
  );
  const context = makeContext({
    folder,
    engine,
    services,
    version: packageVersion(),
    signal,
    emit,
  });
  try {
    await runStages(context, stages, settings);
  } finally {
    await context.close();
  }
  const { train } = folder.manifest.stages;
  const path = folder.file('detector.json');
  return { folder: folder.path, detector: train?.status === 'done' ? await Detector.load(path) : undefined };
}
