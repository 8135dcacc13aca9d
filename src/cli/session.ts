import type { Engine } from '../engine/types.js';
import type { ResolvedModel } from '../models/index.js';
import type { Listener } from '../pipeline/events.js';
import type { Environment } from './environment.js';
import { type EngineFlags, engineChoice, type OutputOptions } from './options.js';
import { createProgress, type ProgressView } from './progress.js';

/** What a command works with besides its own options. */
export interface Session {
  environment: Environment;
  signal: AbortSignal;
  /** The command line as typed, without `hneurons`. */
  command: string[];
  version: string;
  stdout: { write(text: string): unknown };
  stderr: { isTTY?: boolean; write(text: string): unknown };
}

/** Runs `work` with a progress view on stderr, which is taken off the screen before anything else is printed. */
export async function withProgress<T>(
  session: Session,
  options: OutputOptions,
  work: (emit: Listener) => Promise<T>,
): Promise<T> {
  const view: ProgressView = createProgress({ quiet: options.quiet ?? false, stream: session.stderr });
  try {
    return await work(view.listen);
  } finally {
    view.stop();
  }
}

/** Finds the model that `spec` names, downloading it where needed. */
export async function findModel(session: Session, spec: string, emit: Listener): Promise<ResolvedModel> {
  let label = '';
  const began = performance.now();
  const model = await session.environment.resolveModel(spec, {
    signal: session.signal,
    onNotice: (message) => emit({ type: 'note', message }),
    onProgress: ({ what, done, total }) => {
      if (label !== what) emit({ type: 'start', step: 'model', label: what });
      label = what;
      const megabyte = 1e6;
      emit({
        type: 'progress',
        step: 'model',
        done: done / megabyte,
        total: (total ?? done) / megabyte,
        unit: 'MB',
      });
    },
  });
  if (label) {
    emit({ type: 'end', step: 'model', seconds: (performance.now() - began) / 1000, summary: model.path });
  }
  return model;
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
