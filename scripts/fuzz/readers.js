/** The readers of the kinds that are read within the process of `child.js`: each gives the numbers that must be finite. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const dist = (path) => import(new URL(`../../dist/src/${path}`, import.meta.url));

const { loadQuestions } = await dist('questions/load.js');
const { readJudged } = await dist('exchange/judged.js');
const { importClassifier } = await dist('exchange/import-classifier.js');
const { openParquet } = await dist('formats/parquet.js');
const { openSafetensors } = await dist('formats/safetensors.js');
const { trainMatrix } = await dist('learn/train-matrix.js');
const { detectorProbability, readDetector } = await dist('pipeline/detector.js');

async function readQuestions(path) {
  const questions = await loadQuestions(path);
  if (questions.some(({ question, aliases }) => typeof question !== 'string' || !Array.isArray(aliases))) {
    throw new Error('a question without its text or aliases');
  }
  return [];
}

async function train(path, tensors) {
  const labelsPath = join(dirname(path), 'labels.npy');
  const result = await trainMatrix({ featuresPath: path, tensors, labelsPath, grid: [1], threads: 1 });
  return result.path.flatMap(({ weights, intercept, objective }) => [...weights, intercept, objective]);
}

export const READERS = {
  async parquet(path) {
    const file = await openParquet(path);
    try {
      for await (const row of file.read(file.columns)) JSON.stringify(row);
    } finally {
      await file.close();
    }
    return [];
  },
  csv: readQuestions,
  json: readQuestions,
  jsonl: readQuestions,
  npy: (path) => train(path),
  async safetensors(path) {
    const { tensors } = await openSafetensors(path);
    return train(path, [tensors.has('t') ? 't' : ([...tensors.keys()][0] ?? 't')]);
  },
  async pickle(path) {
    const out = `${path}.detector.json`;
    const model = { name: 'm', sha256: 'aa'.repeat(32), architecture: 'llama', layers: 2, ffn: 4, hidden: 4 };
    try {
      await importClassifier({ path, out, model, promptStyle: 'plain', mode: '3-vs-1' });
      return await READERS.detector(out);
    } finally {
      rmSync(out, { force: true });
    }
  },
  async judged(path) {
    await readJudged(path, 'correct', () => {});
    return [];
  },
  async detector(path) {
    const detector = await readDetector(path);
    return [
      detector.C,
      detector.intercept,
      ...detector.neurons.map(({ weight }) => weight),
      detectorProbability(detector, 1),
    ];
  },
};
