import type { Engine } from '../engine/types.js';
import type { Listener } from './events.js';
import type { RunFolder } from './run-folder.js';

/** What every stage gets. */
export interface RunContext {
  folder: RunFolder;
  /** The loaded model; loads it on the first call, so that a run with nothing left to read or sample never does. */
  engine(): Promise<Engine>;
  emit: Listener;
  signal?: AbortSignal;
  /** Versions of this package and of llama.cpp, for the manifest. */
  versions: Record<string, string>;
}

/**
 * Wraps the callbacks of an engine job: the first error thrown by one (a full disk) ends the job early and is thrown
 * by `rethrow`, in place of whatever the engine makes of it.
 */
export function guardCallbacks(): {
  guard<A extends unknown[], R>(callback: (...args: A) => R, otherwise: R): (...args: A) => R;
  rethrow(): void;
} {
  let failure: { error: unknown } | undefined;
  return {
    guard:
      (callback, otherwise) =>
      (...args) => {
        if (failure) return otherwise;
        try {
          return callback(...args);
        } catch (error) {
          failure = { error };
          return otherwise;
        }
      },
    rethrow: () => {
      if (failure) throw failure.error;
    },
  };
}
