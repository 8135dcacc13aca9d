import { UserError } from '../errors.js';
import { loadNpy } from '../formats/npy.js';
import { type FeatureMatrix, npyMatrix, rowCount, safetensorsRows } from './matrix.js';
import { fitPath, type PathOptions, type PathPoint } from './path.js';

export interface TrainMatrixOptions extends Omit<PathOptions, 'matrix' | 'labels' | 'columns'> {
  /** A `.npy` file `[rows, columns]`, or a safetensors file. */
  featuresPath: string;
  /** Tensors of the safetensors file, whose rows follow one another. */
  tensors?: string[];
  /** A `.npy` file `[rows]` of zeros and ones, of any type. */
  labelsPath: string;
}

export interface TrainedPoint extends PathPoint {
  /** Weights above and below zero. */
  positive: number;
  negative: number;
}

export interface TrainMatrixResult {
  shape: [rows: number, columns: number];
  path: TrainedPoint[];
  /** Reading the features included. */
  seconds: number;
}

/**
 * The L1 path for any feature matrix in files: what `hneurons train --features X.npy --labels y.npy` runs.
 * Throws a UserError for files that cannot be read or do not fit together.
 */
export async function trainMatrix(options: TrainMatrixOptions): Promise<TrainMatrixResult> {
  const start = performance.now();
  const { featuresPath, tensors, labelsPath, ...rest } = options;
  const matrix = await openFeatures(featuresPath, tensors);
  const labels = await readLabels(labelsPath);
  const points = await fitPath({ ...rest, matrix, labels });
  const path = points.map((point) => ({
    ...point,
    positive: point.weights.filter((weight) => weight > 0).length,
    negative: point.weights.filter((weight) => weight < 0).length,
  }));
  return { shape: [rowCount(matrix), matrix.columns], path, seconds: (performance.now() - start) / 1000 };
}

async function openFeatures(path: string, tensors?: string[]): Promise<FeatureMatrix> {
  if (tensors) return safetensorsRows(path, tensors);
  if (path.endsWith('.safetensors')) {
    throw new UserError(`${path}: name the tensor that holds the features`, { exitCode: 2 });
  }
  return npyMatrix(path);
}

/** Labels of a `.npy` file as 0 and 1. Throws a UserError for any other value or shape. */
export async function readLabels(path: string): Promise<Uint8Array> {
  const { shape, data } = await loadNpy(path);
  if (shape.length !== 1)
    throw new UserError(`${path}: has shape (${shape}); labels must be a single row of 0 and 1`);
  return Uint8Array.from({ length: data.length }, (_, i) => {
    const value = Number(data[i]);
    if (value !== 0 && value !== 1)
      throw new UserError(`${path}: label ${i} is ${value}; labels must be 0 or 1`);
    return value;
  });
}
