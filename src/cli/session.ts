import type { Dataset, DatasetOptions } from '../datasets/open.js';
import type { Engine } from '../engine/types.js';
import type { ModelProgress, ResolvedModel } from '../models/index.js';
import type { Listener } from '../pipeline/events.js';
import type { Environment } from './environment.js';
import { type EngineFlags, engineChoice, type OutputOptions } from './options.js';
import type { Output, OutputStream } from './output.js';
import { createProgress, type ProgressView } from './progress.js';

/** What a command works with besides its own options. */
export interface Session {
  environment: Environment;
  signal: AbortSignal;
  /** The command line as typed, without `hneurons`. */
  command: string[];
  version: string;
  stdout: Output;
  stderr: Output;
  /** What stderr guards: for progress bars, which move the cursor. */
  screen: OutputStream;
  /** True: the command ends by itself after the signal, and is not cut short. */
  drains?: boolean;
}

/** Runs `work` with a progress view on stderr, which is taken off the screen before anything else is printed. */
export async function withProgress<T>(
  session: Session,
  options: OutputOptions,
  work: (emit: Listener) => Promise<T>,
): Promise<T> {
  const view: ProgressView = createProgress({ quiet: options.quiet ?? false, stream: session.screen });
  try {
    return await work(view.listen);
  } finally {
    view.stop();
  }
}

/** Finds the model that `spec` names, downloading it where needed. */
export async function findModel(session: Session, spec: string, emit: Listener): Promise<ResolvedModel> {
  const download = showDownload('model', emit);
  const model = await session.environment.resolveModel(spec, {
    signal: session.signal,
    ...download.listeners,
  });
  download.end(model.path);
  return model;
}

/** Opens a set of questions, downloading it where needed. Throws a UserError when it is not to be had, or its file is broken. */
export async function findDataset(
  session: Session,
  spec: string,
  options: Pick<DatasetOptions, 'split' | 'limit' | 'seed'>,
  emit: Listener,
): Promise<Dataset> {
  const { openDataset } = await import('../datasets/open.js');
  const download = showDownload('data', emit);
  const dataset = await openDataset(spec, { ...options, signal: session.signal, ...download.listeners });
  download.end(`${dataset.questions.length} questions`);
  return dataset;
}

/** Shows a download as a step, if there is one. */
function showDownload(step: 'model' | 'data', emit: Listener) {
  let label = '';
  const began = performance.now();
  const megabyte = 1e6;
  return {
    listeners: {
      onNotice: (message: string) => emit({ type: 'note', message }),
      onProgress: ({ what, done, total }: ModelProgress) => {
        if (label !== what) emit({ type: 'start', step, label: what });
        label = what;
        emit({
          type: 'progress',
          step,
          done: done / megabyte,
          total: (total ?? done) / megabyte,
          unit: 'MB',
        });
      },
    },
    end(summary: string): void {
      if (label) emit({ type: 'end', step, seconds: (performance.now() - began) / 1000, summary });
    },
  };
}

/** Loads a model, lends it to `work`, and closes it whatever comes of that. */
export async function withEngine<T>(
  session: Session,
  flags: EngineFlags,
  modelPath: string,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const { environment, signal } = session;
  const engine = await environment.openEngine({ ...engineChoice(flags), modelPath, signal });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}
