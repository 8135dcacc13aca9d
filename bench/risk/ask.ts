/** What the benches of risk share: a model, its detector and the answers that it gives. */
import { join } from 'node:path';
import { type Engine, openEngine, type Sample, type Steering } from '../../src/engine/index.js';
import { commonPrefix } from '../../src/engine/text/prompt.js';
import { resolveModel } from '../../src/models/index.js';
import { detectorNeurons, readDetector } from '../../src/pipeline/detector.js';
import { readHeldOutAnswers } from '../../src/risk/held-out.js';

/** Opens a model and the detector of a run folder. */
export async function openRun(run: string, model: string, threads: number) {
  const path = join(run, 'detector.json');
  const detector = await readDetector(path);
  const { path: modelPath } = await resolveModel(model);
  const engine = await openEngine({ modelPath, threads, device: 'cpu' });
  return { engine, detector, heldOut: await readHeldOutAnswers(path, detector) };
}

/** The H-Neurons of a detector at another strength: what `alpha` of the server does. */
export function steeringOf(
  detector: Awaited<ReturnType<typeof readDetector>>,
  alpha: number,
): Steering | undefined {
  const { neurons, weights } = detectorNeurons(detector);
  return alpha === 1 ? undefined : { neurons: neurons.filter((_, i) => weights[i] > 0), alpha };
}

/** Samples answers to prompts; `[prompts][samples]`. */
export async function sampleAnswers(
  engine: Engine,
  prompts: { id: string; text: string }[],
  tokenize: { special: boolean; bos: boolean },
  settings: {
    temperature: number;
    maxTokens: number;
    stop: string[];
    samples: number;
    seed: number;
    steering?: Steering;
  },
): Promise<Sample[][]> {
  const tokens = await engine.tokenize(
    prompts.map(({ text }) => text),
    tokenize,
  );
  const results = new Map<string, Sample[]>();
  const { samples, ...rest } = settings;
  let next = 0;
  await engine.sample({
    settings: { topK: 50, topP: 0.9, minP: 0, ...rest },
    prefix: commonPrefix(tokens),
    next: () =>
      next < prompts.length ? { id: prompts[next].id, prompt: tokens[next++], samples } : undefined,
    onResult: ({ id, samples }) => {
      results.set(id, samples);
    },
  });
  return prompts.map(({ id }) => results.get(id)!);
}

/** An interval as text: `.83 (.80 to .86)`. */
export function shown(
  { estimate, low, high }: { estimate: number; low: number; high: number },
  digits = 3,
): string {
  const text = (value: number) => value.toFixed(digits).replace(/^(-?)0\./, '$1.');
  return `${text(estimate)} (${text(low)} to ${text(high)})`;
}
