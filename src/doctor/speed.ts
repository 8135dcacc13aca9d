import type { Engine, EngineOptions } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { SpeedFacts } from './schema.js';

/** For loading, reading and writing together; small models on two cores need about one second. */
const LIMIT_MS = 10_000;
const READ_TOKENS = 64;
const WRITE_TOKENS = 12;

/** Measures reading (CETT of all neurons) and writing (one sample) once, with a model that is at hand. */
export async function measureSpeed(
  open: (options: EngineOptions) => Promise<Engine>,
  options: EngineOptions & { name: string; defaultThreads: number },
): Promise<SpeedFacts | string> {
  const { name, defaultThreads, signal, ...engineOptions } = options;
  const late = AbortSignal.timeout(LIMIT_MS);
  const both = signal ? AbortSignal.any([signal, late]) : late;
  let engine: Engine | undefined;
  try {
    const started = performance.now();
    engine = await open({ ...engineOptions, signal: both });
    const loaded = performance.now();
    // The text has more than enough tokens in every vocabulary.
    const [text] = await engine.tokenize(['Lima lies between mountains and sea. '.repeat(READ_TOKENS)], {
      special: false,
      bos: true,
    });
    const tokens = text.subarray(0, Math.min(READ_TOKENS, engine.model.contextLength - WRITE_TOKENS));
    const readMs = await readOnce(engine, tokens);
    const { written, ms: writeMs } = await writeOnce(engine, tokens.subarray(0, 16));
    return {
      model: name,
      threads: options.threads ?? defaultThreads,
      device: engine.model.device,
      loadSeconds: round((loaded - started) / 1000),
      readTokensPerSecond: round((1000 * tokens.length) / readMs),
      writeTokensPerSecond: round((1000 * written) / writeMs),
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (late.aborted)
      return `${name} took more than ${LIMIT_MS / 1000} s: other programs use the processors, or it is too slow; try --threads 1`;
    if (error instanceof UserError) return error.message;
    throw error;
  } finally {
    await engine?.close();
  }
}

async function readOnce(engine: Engine, tokens: Int32Array): Promise<number> {
  const start = performance.now();
  let given = false;
  await engine.read({
    next() {
      if (given) return undefined;
      given = true;
      return { id: 'doctor', tokens, masks: [[[0, tokens.length]]] };
    },
    onResult() {},
  });
  return performance.now() - start;
}

async function writeOnce(engine: Engine, prompt: Int32Array): Promise<{ written: number; ms: number }> {
  const start = performance.now();
  let given = false;
  const { sampledTokens } = await engine.sample({
    settings: { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: WRITE_TOKENS, stop: [], seed: 1 },
    most: { samples: 1, tokens: prompt.length + WRITE_TOKENS },
    next() {
      if (given) return undefined;
      given = true;
      return { id: 'doctor', prompt, samples: 1 };
    },
    onResult() {},
  });
  return { written: sampledTokens, ms: performance.now() - start };
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
