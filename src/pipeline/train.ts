import { writeFileAtomic } from '../formats/atomic.js';
import { type Case, readCases } from './cases.js';
import type { RunContext } from './context.js';
import { type Detector, detectorModel } from './detector.js';
import { type FeatureRows, openFeatures } from './feature-file.js';
import { fitDetector, type TrainingData, trainingMatrix } from './fit.js';
import type { RunFolder } from './run-folder.js';
import { type CollectSettings, CollectSettingsSchema, type TrainSettings } from './settings.js';
import type { Split } from './split.js';
import { requireStage, runStage } from './stage.js';

/** Stage 3 (method.md section 4): `detector.json` from the training half of the features. */
export async function train(context: RunContext, settings: TrainSettings): Promise<boolean> {
  const { folder, emit, signal } = context;
  requireStage(folder, 'extract');
  const definition = { stage: 'train' as const, settings: { ...settings } };
  return runStage(folder, definition, context.versions, emit, async () => {
    const { data } = await loadHalf(folder, 'train');
    const fit = await fitDetector(trainingMatrix(data, settings.mode), data.cases, settings, {
      signal,
      onFit: (done, total) => emit({ type: 'progress', step: 'train', done, total, unit: 'fits' }),
    });
    const { model } = folder.manifest;
    const detector: Detector = {
      schema: 'hneurons/detector',
      version: 1,
      model: detectorModel(model),
      promptStyle: collectSettings(folder).promptStyle,
      mode: settings.mode,
      C: fit.C,
      intercept: fit.intercept,
      neurons: Array.from(fit.indices, (flat, i) => ({
        layer: Math.floor(flat / model.ffn),
        index: flat % model.ffn,
        weight: fit.weights[i],
      })),
      calibration: fit.platt,
      training: { samples: data.cases.length, rows: fit.rows, folds: settings.folds, grid: fit.grid },
      test: null,
    };
    await writeFileAtomic(folder.file('detector.json'), `${JSON.stringify(detector, null, 2)}\n`);
    const chosen = fit.grid.find((point) => point.C === fit.C)!;
    return {
      counts: {
        samples: data.cases.length,
        rows: fit.rows,
        neurons: chosen.neurons,
        hNeurons: chosen.hNeurons,
      },
      summary: `${chosen.hNeurons} H-Neurons (${chosen.neurons - chosen.hNeurons} anti-associated), C ${fit.C}, accuracy ${chosen.accuracy.toFixed(3)} in cross-validation`,
    };
  });
}

/** The cases of one split with their feature rows. */
export async function loadHalf(
  folder: RunFolder,
  split: Split,
): Promise<{ cases: Case[]; features: FeatureRows; data: TrainingData }> {
  const all = await readCases(folder.file('cases.jsonl'));
  const { layers, ffn } = folder.manifest.model;
  const features = await openFeatures(folder.file('features.safetensors'), all.length, layers * ffn);
  const rows = all.flatMap((one, row) => (one.split === split ? [row] : []));
  const cases = rows.map((row) => all[row]);
  const data: TrainingData = {
    path: features.path,
    columns: features.columns,
    cases: rows.map((row) => ({
      answer: features.answer[row],
      other: features.other[row],
      hallucinated: all[row].class === 'hallucinated',
      group: all[row].group,
      relation: all[row].relation,
    })),
  };
  return { cases, features, data };
}

/** The settings under which the responses of a run were collected. */
export function collectSettings(folder: RunFolder): CollectSettings {
  return CollectSettingsSchema.parse(requireStage(folder, 'collect').settings);
}
