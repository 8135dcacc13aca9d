import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../src/engine/index.js';
import type { RunEvent } from '../../src/pipeline/events.js';
import type { FindSettings } from '../../src/pipeline/find.js';
import { describeQuestionSet, makeContext, type OpenContext } from '../../src/pipeline/run.js';
import { openRunFolder } from '../../src/pipeline/run-folder.js';
import {
  makeCollectSettings,
  makeEvaluateSettings,
  makeExtractSettings,
  makeTrainSettings,
  type TrainSettings,
} from '../../src/pipeline/settings.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import { fakeModel, fakeQuestions } from './fake-engine.js';

const questions = fakeQuestions(30);

/** Settings of a small run over the fake engine. */
export function fakeSettings(train: Partial<TrainSettings> = {}): FindSettings {
  return {
    questions: splitQuestions(questions, 1),
    collect: makeCollectSettings({ promptStyle: 'few-shot', seed: 1, quota: 24 }),
    extract: makeExtractSettings(),
    train: makeTrainSettings({ seed: 1, folds: 3, ...train }),
    evaluate: makeEvaluateSettings({ seed: 1, controls: 3 }),
  };
}

/** A run folder with its context over a fake engine, in this process. `engine` undefined: opening one fails. */
export async function openFakeRun(
  path: string,
  engine: Engine | undefined,
  emit: (event: RunEvent) => void = () => {},
): Promise<OpenContext> {
  const model = {
    name: 'fake',
    source: 'fake.gguf',
    path: join(path, 'fake.gguf'),
    sha256: 'fa4e',
    architecture: fakeModel.architecture,
    quantisation: fakeModel.quantisation,
    layers: fakeModel.layers,
    ffn: fakeModel.ffn,
    hidden: fakeModel.hidden,
    vocab: fakeModel.vocab,
  };
  const subject = { model, questions: describeQuestionSet('fake', questions), seed: 1 };
  const folder = await openRunFolder(path, subject, { command: ['test'] });
  writeFileSync(model.path, '');
  return makeContext({
    folder,
    engine: {},
    services: {
      openEngine: async () => {
        if (!engine) throw new Error('no engine is wanted here');
        return engine;
      },
      modelSha256: async () => model.sha256,
    },
    version: 'test',
    emit,
  });
}
