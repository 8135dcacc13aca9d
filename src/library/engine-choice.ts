import { checkMemory, parseMemorySize } from '../engine/memory-size.js';
import type { EngineOptions } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { OpenOptions } from './model.js';

/**
 * The part of the options that says what a model runs on.
 * @throws UserError for a value that cannot be
 */
export function engineChoice(
  options: Omit<OpenOptions, 'contextTokens' | 'concurrency' | 'onNotice'>,
): Omit<EngineOptions, 'modelPath' | 'signal' | 'onNotice'> {
  const { device, gpuLayers, splitMode, split, mainGpu, threads, library } = options;
  const memory = memoryBytes(options.memory);
  return { device, gpuLayers, splitMode, split, mainGpu, threads, memory, library };
}

function memoryBytes(memory: number | string | undefined): number | undefined {
  if (memory === undefined) return undefined;
  try {
    return typeof memory === 'string' ? parseMemorySize(memory) : checkMemory(memory);
  } catch (error) {
    throw new UserError(`memory ${(error as Error).message}`, { exitCode: 2 });
  }
}
