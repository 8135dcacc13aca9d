import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describeDrift, SameWeightsError } from '../../drift/describe.js';
import { fileName } from '../../formats/file-name.js';
import { formatFixed } from '../../report/format.js';
import type { Origin } from '../../report/origin/schema.js';
import { hNeuronsOf } from '../detector.js';
import { writeDriftArrays } from './arrays.js';
import { type BaseRunContext, baseRunPath, repeatRun } from './base-run.js';
import { transferOnDatasets } from './datasets.js';
import type { TracedModel, TraceInput } from './input.js';
import { judgeBeside, transferBetween } from './transfer.js';

/** What is found out about one model that the other may have come from. */
export type Point = Pick<Origin, 'drift' | 'driftNote' | 'transfer' | 'transferNote' | 'datasets'>;

/**
 * Drift and transfer of one base model or checkpoint; `drift-<name>.safetensors` and the run on it go into the output folder.
 * @throws UserError when a file is damaged, or the base model cannot be run.
 */
export async function tracePoint(
  input: TraceInput,
  base: TracedModel,
  context: BaseRunContext,
): Promise<Point> {
  const drift = await driftFrom(input, base, context);
  return { ...drift, ...(await transferTo(input, base, context)) };
}

async function driftFrom(
  { instruct, detector, seed, out }: TraceInput,
  base: TracedModel,
  { emit, signal, engine }: BaseRunContext,
): Promise<Pick<Point, 'drift' | 'driftNote'>> {
  const without = (driftNote: string) => ({ drift: null, driftNote });
  const marked = hNeuronsOf(detector);
  if (await sameFile(base, instruct)) {
    return without(
      'Both are the same file: two prompts of one model have a transfer to look at, but no drift.',
    );
  }
  if (marked.length < 2) {
    return without(
      `With ${marked.length} H-Neurons in the detector there is no drift to compare: two are needed.`,
    );
  }
  emit({ type: 'start', step: 'trace', label: `drift from ${base.name}` });
  const began = performance.now();
  const end = (summary: string) =>
    emit({ type: 'end', step: 'trace', seconds: (performance.now() - began) / 1000, summary });
  try {
    const { description, arrays } = await describeDrift(base.weights, instruct.weights, marked, {
      seed,
      threads: engine.threads,
      signal,
      onProgress: (done, total) => emit({ type: 'progress', step: 'trace', done, total, unit: 'steps' }),
    });
    await writeDriftArrays(join(out, `drift-${fileName(base.name)}.safetensors`), arrays);
    const { meanRank, layerMatched } = description.inertia;
    end(
      `mean rank of the H-Neurons ${formatFixed(meanRank.estimate, 3)}, p ${layerMatched.p.toPrecision(2)}`,
    );
    return { drift: description, driftNote: null };
  } catch (error) {
    // The last checkpoint of a training may be the model itself: no reason to lose the others.
    if (!(error instanceof SameWeightsError)) throw error;
    end('the same weights');
    return without(`The FFN weights of ${base.name} and ${instruct.name} are the same: there is no drift.`);
  }
}

/** One file, or a copy of it, whatever path leads there. */
async function sameFile(a: TracedModel, b: TracedModel): Promise<boolean> {
  if (a.identity && a.identity.sha256 === b.identity?.sha256) return true;
  return (await realpath(a.weights.path)) === (await realpath(b.weights.path));
}

async function transferTo(
  input: TraceInput,
  base: TracedModel,
  context: BaseRunContext,
): Promise<Pick<Point, 'transfer' | 'transferNote' | 'datasets'>> {
  const { run, asking, seed, out } = input;
  const without = (transferNote: string | null) => ({ transfer: null, transferNote, datasets: null });
  if (!input.transfer) return without(null);
  if (!run)
    return without(
      'The detector does not lie in a run folder, so its questions cannot be put to the base model.',
    );
  if (!base.identity) {
    return without(
      'The base model is a checkpoint that llama.cpp cannot run; with a GGUF of it the transfer is tested too.',
    );
  }
  const path = baseRunPath(out, fileName(base.name));
  const repeated = await repeatRun(run, base.identity, path, asking, context);
  if (typeof repeated === 'string') return without(`${base.name}: ${repeated}`);
  const judge = await judgeBeside(run, input.detector);
  const datasets =
    input.datasets.length > 0
      ? await transferOnDatasets(run, judge, repeated, base.identity, input.datasets, input.limit, context)
      : null;
  return {
    transfer: await transferBetween(repeated, run, judge, seed, context.signal),
    transferNote:
      judge.controls.length > 0
        ? null
        : "The detector is not the one that its run ended with, so the run's random controls do not stand beside it.",
    datasets,
  };
}
