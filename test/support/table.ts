import type { Table, TableRow } from '../../src/report/table/schema.js';
import { summarise } from '../../src/report/table/summary.js';
import { derive, uniform } from '../../src/stats/random.js';
import { rowFigures } from '../../src/stats/table-row.js';

/** Scores of a detector whose classes lie `signal` standard deviations apart, as figures of a row. */
export function someFigures(options: {
  signal: number;
  random?: number;
  logProbability?: number;
  each?: number;
}) {
  const { signal, random = 0, logProbability = 0, each = 60 } = options;
  const stream = derive(7, 'table', signal, random, logProbability, each);
  const labels = Uint8Array.from({ length: 2 * each }, (_, i) => i % 2);
  const scores = (distance: number) =>
    Float64Array.from(
      labels,
      (label) => 2 * (uniform(stream) + uniform(stream) - 1) + distance * (label - 0.5),
    );
  return rowFigures({
    scores: scores(signal),
    labels,
    groups: Array.from(labels, (_, i) => i),
    random: Array.from({ length: 10 }, (_, seed) => ({ seed, scores: scores(random) })),
    layerMatched: Array.from({ length: 10 }, (_, seed) => ({ seed, scores: scores(random) })),
    logProbability: scores(logProbability).map((value) => -value),
    seed: 1,
  });
}

/** Made once: intervals of many controls take a moment. */
const USUAL = someFigures({ signal: 2 });

export function someRow(name: string, row: Partial<TableRow> = {}): TableRow {
  return {
    name,
    dataset: name,
    source: 'built-in',
    counts: {
      total: 500,
      trained: 10,
      asked: 400,
      correct: 100,
      wrong: 290,
      invented: 0,
      refused: 0,
      uncertain: 8,
      failed: 1,
      unreadable: 1,
    },
    faithful: 60,
    hallucinated: 60,
    relations: 3,
    figures: USUAL,
    note: null,
    paper: null,
    ...row,
  };
}

export function someTable(rows: TableRow[], table: Partial<Table> = {}): Table {
  return {
    schema: 'hneurons/table',
    version: 1,
    summary: summarise(rows),
    model: {
      name: 'Gemma 3 270M',
      source: 'gemma-3-270m',
      sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
      architecture: 'gemma3',
      quantisation: 'Q4_K_M',
      layers: 18,
      ffn: 2048,
    },
    detector: { identity: 'f00', neurons: 96, hNeurons: 55, mode: '3-vs-1', C: 10, promptStyle: 'few-shot' },
    controls: { random: 10, layerMatched: 10 },
    settings: {
      temperature: 1,
      topK: 50,
      topP: 0.9,
      minP: 0,
      maxTokens: 50,
      seed: 1,
      quota: 200,
      limit: 4000,
      judge: 'rule',
      spans: 'rule',
    },
    run: {
      command: 'hneurons evaluate --detector detector.json --datasets facts',
      version: '0.1.0',
      library: '0.4.0',
      device: 'cpu',
      system: 'linux, 2 cores',
    },
    notes: [],
    paper: null,
    rows,
    ...table,
  };
}
