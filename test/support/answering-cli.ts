import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Environment } from '../../src/cli/environment.js';
import { main } from '../../src/cli/main.js';
import type { SampleJob } from '../../src/engine/index.js';
import { modelSha256 } from '../../src/models/index.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { fakeEngine } from './fake-engine.js';
import { writeTinyModel } from './tiny-models.js';

/** The command line over a model that knows every built-in fact and says what a test wants to everything else. */
export interface AnsweringCli {
  model: string;
  detector: string;
  /** What was sampled, with the prompts as texts, since the last command began. */
  asked: { prompt: string; settings: SampleJob['settings'] }[];
  run(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }>;
}

/**
 * Writes a tiny model and a detector of it into `folder`.
 * @param answer what is said to a prompt under an alpha; undefined for nothing in particular
 */
export async function answeringCli(
  folder: string,
  answer: (prompt: string, alpha: number) => string | undefined,
): Promise<AnsweringCli> {
  const model = join(folder, 'tiny.gguf');
  const detector = join(folder, 'detector.json');
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32, seed: 1 });
  const sha256 = createHash('sha256').update(readFileSync(model)).digest('hex');
  writeFileSync(
    detector,
    JSON.stringify({
      schema: 'hneurons/detector',
      version: 1,
      model: { name: 'tiny', sha256, architecture: 'llama', layers: 2, ffn: 32 },
      promptStyle: 'few-shot',
      mode: '1-vs-1',
      C: 1,
      intercept: 0,
      neurons: [{ layer: 0, index: 3, weight: 1 }],
      calibration: { slope: 1, intercept: 0 },
      training: { samples: 1, rows: 1, folds: 2, grid: [] },
      test: null,
    }),
  );
  const known = new Map(builtinQuestions().map(({ question, aliases }) => [question, aliases[0]]));
  const text = (tokens: ArrayLike<number>) =>
    Buffer.from(Array.from(tokens).filter((token) => token < 256)).toString();
  const cli: AnsweringCli = {
    model,
    detector,
    asked: [],
    async run(...args) {
      cli.asked = [];
      const said = { stdout: '', stderr: '' };
      const stream = (name: 'stdout' | 'stderr') => ({
        write: (part: string) => {
          said[name] += part;
        },
      });
      const status = await main(args, environment, { stdout: stream('stdout'), stderr: stream('stderr') });
      return { status, ...said };
    },
  };
  const environment: Environment = {
    modelSha256,
    resolveModel: async (spec) => ({ path: spec, name: basename(spec, '.gguf'), source: spec }),
    openEngine: async () => ({
      ...fakeEngine(),
      async sample(job) {
        const { settings } = job;
        for (let request = job.next(); request; request = job.next()) {
          const prompt = text(request.prompt);
          cli.asked.push({ prompt, settings });
          const question = /Question: ([^\n]*)\nAnswer:$/.exec(prompt)?.[1] ?? '';
          const words = answer(prompt, settings.steering?.alpha ?? 1) ?? known.get(question) ?? 'nothing';
          const sample = { index: 0, tokens: [1, 2], text: ` ${words}`, finish: 'stop' as const };
          job.onResult({ id: request.id, samples: [{ ...sample, logProbability: -1 }], stopped: false });
        }
        return { questions: 0, samples: 0, sampledTokens: 0, decodedRows: 0, promptRows: 0 };
      },
    }),
  };
  return cli;
}
