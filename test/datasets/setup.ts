import type { TestContext } from 'node:test';
import { type Dataset, type DatasetOptions, openDataset } from '../../src/datasets/open.js';
import { COMMIT, TIMES, type World, world } from '../models/setup.js';
import { parquet, type Shape } from '../support/parquet.js';

export const TRIVIA = 'mandarjoshi/trivia_qa';
const TRIVIA_SHAPES: Record<string, Shape> = {
  question: 'text',
  question_id: 'text',
  question_source: 'text',
  answer: { aliases: 'texts', normalized_aliases: 'texts', value: 'text', type: 'text' },
};

/** Rows as TriviaQA has them, with something to make the file large enough to be cut. */
export function triviaRows(split: string, count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => ({
    question: `Which thing is number ${i} of the ${split} split?`,
    question_id: `${split}_${i}`,
    question_source: `http://example.org/${split}/${i * 7919}/${(i * 104729) % 1009}`,
    answer: {
      aliases: [`Thing ${i}`, `${i}th thing`],
      normalized_aliases: [`thing ${i}`],
      value: `Thing ${i}`,
      type: 'x',
    },
  }));
}

export function triviaFile(rows: Record<string, unknown>[], rowGroupSize?: number): Uint8Array {
  return parquet(TRIVIA_SHAPES, rows, rowGroupSize);
}

export interface DataWorld extends World {
  open(spec: string, options?: DatasetOptions): Promise<Dataset>;
}

/** A hub on localhost with TriviaQA in it: two training files and one to validate on, beside files of another configuration. */
export async function dataWorld(context: TestContext, env: NodeJS.ProcessEnv = {}): Promise<DataWorld> {
  const w = await world(context, env);
  const train = triviaRows('train', 300);
  w.server.repos[`datasets/${TRIVIA}`] = {
    commit: COMMIT,
    files: {
      'rc.nocontext/train-00000-of-00002.parquet': triviaFile(train.slice(0, 200), 50),
      'rc.nocontext/train-00001-of-00002.parquet': triviaFile(train.slice(200), 50),
      'rc.nocontext/validation-00000-of-00001.parquet': triviaFile(triviaRows('validation', 100), 50),
      'rc/train-00000-of-00001.parquet': triviaFile(triviaRows('other', 10)),
      'README.md': new TextEncoder().encode('# TriviaQA'),
    },
  };
  return {
    ...w,
    open: (spec, options) =>
      openDataset(spec, { env: w.env, times: TIMES, onNotice: (text) => w.notices.push(text), ...options }),
  };
}
