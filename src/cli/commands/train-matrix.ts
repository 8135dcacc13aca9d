import { UserError } from '../../errors.js';
import { trainMatrix } from '../../learn/train-matrix.js';
import { makeTrainSettings } from '../../pipeline/settings.js';
import type { OutputOptions, TrainFlags } from '../options.js';
import { type Session, withProgress } from '../session.js';

export interface TrainMatrixFlags extends OutputOptions {
  features: string;
  labels?: string;
  tensors?: string[];
  C?: number[];
  threads?: number;
  standardise?: boolean;
  classWeights?: TrainFlags['classWeights'];
}

/** `hneurons train --features X --labels y`: the L1 path on any matrix, without a run folder. */
export async function runTrainMatrix(session: Session, flags: TrainMatrixFlags): Promise<void> {
  const { features, labels, tensors, threads, standardise } = flags;
  if (labels === undefined) throw new UserError('--features needs --labels FILE.npy', { exitCode: 2 });
  const { grid } = makeTrainSettings({ grid: flags.C, seed: 0 });
  const result = await withProgress(session, flags, async (emit) => {
    emit({ type: 'start', step: 'train', label: 'train' });
    let done = 0;
    const trained = await trainMatrix({
      featuresPath: features,
      labelsPath: labels,
      tensors,
      grid,
      threads,
      standardise,
      classWeights: flags.classWeights === 'balanced' ? 'balanced' : undefined,
      signal: session.signal,
      onPoint: () =>
        emit({ type: 'progress', step: 'train', done: ++done, total: grid.length, unit: 'values of C' }),
    });
    const [rows, columns] = trained.shape;
    emit({ type: 'end', step: 'train', seconds: trained.seconds, summary: `${rows} x ${columns}` });
    return trained;
  });
  if (flags.json) {
    const path = result.path.map((point) => ({
      ...point,
      indices: Array.from(point.indices),
      weights: Array.from(point.weights),
    }));
    session.stdout.write(`${JSON.stringify({ ...result, path })}\n`);
    return;
  }
  for (const { C, objective, dualGap, positive, negative } of result.path) {
    session.stdout.write(
      `C ${C}: objective ${objective.toFixed(4)} (gap ${dualGap.toExponential(1)}), ${positive} positive and ${negative} negative weights\n`,
    );
  }
}
