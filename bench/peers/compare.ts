/** Whether two programs computed the same: features row by row, and the L1 fits on them. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { loadNpy } from '../../src/formats/npy.js';
import type { TensorInfo } from '../../src/formats/safetensors.js';

async function readTensor(path: string, { offset, bytes }: TensorInfo): Promise<Float32Array> {
  const values = new Float32Array(bytes / 4);
  const file = await open(path, 'r');
  await file.read(new Uint8Array(values.buffer), 0, bytes, offset);
  await file.close();
  return values;
}

/** The largest 1 - cosine between rows of a tensor and of a `.npy` file of the same shape. */
export async function largestDistance(path: string, tensor: TensorInfo, npy: string): Promise<number> {
  const got = await readTensor(path, tensor);
  const { shape, data } = await loadNpy(npy);
  if (shape.join() !== tensor.shape.join()) throw new Error(`shapes differ: ${shape} and ${tensor.shape}`);
  const [rows, columns] = shape;
  let largest = 0;
  for (let row = 0; row < rows; row++) {
    let dot = 0;
    let gg = 0;
    let ww = 0;
    for (let j = row * columns; j < (row + 1) * columns; j++) {
      const want = Number(data[j]);
      dot += got[j] * want;
      gg += got[j] ** 2;
      ww += want ** 2;
    }
    largest = Math.max(largest, 1 - dot / Math.sqrt(gg * ww));
  }
  return largest;
}

/** Neurons and objectives of both fits, the objective taken on our features: liblinear's, with its penalised intercept. */
export async function compareFits(
  path: string,
  tensors: Map<string, TensorInfo>,
  theirs: string,
  ours: string,
  rows: number[],
  labels: number[],
  C: number,
): Promise<string> {
  const parts = await Promise.all(['answer', 'other'].map((name) => readTensor(path, tensors.get(name)!)));
  const columns = tensors.get('answer')!.shape[1];
  const views = parts.flatMap((part) => rows.map((row) => part.subarray(row * columns, (row + 1) * columns)));
  const fits = await Promise.all(
    [theirs, ours].map(async (folder) => {
      const [coef, intercept] = await Promise.all(
        ['coef', 'intercept'].map(
          async (name) => (await loadNpy(join(folder, `${name}.npy`))).data as Float64Array,
        ),
      );
      const used = Array.from(coef.keys()).filter((j) => coef[j] !== 0);
      let objective = Math.abs(intercept[0]) + used.reduce((sum, j) => sum + Math.abs(coef[j]), 0);
      views.forEach((view, i) => {
        const score = used.reduce((sum, j) => sum + coef[j] * view[j], intercept[0]);
        const margin = labels[i] ? score : -score;
        objective += C * (Math.max(0, -margin) + Math.log1p(Math.exp(-Math.abs(margin))));
      });
      return { objective, positive: used.filter((j) => coef[j] > 0) };
    }),
  );
  const [a, b] = fits.map(({ positive }) => new Set(positive));
  const shared = [...a].filter((j) => b.has(j)).length;
  const gap = (fits[0].objective - fits[1].objective) / fits[1].objective;
  return `  fit on ${views.length} x ${columns}: hprobes ${a.size} H-Neurons, ours ${b.size}, shared ${shared}; its objective is ${gap.toExponential(1)} above ours, as a part of it`;
}
