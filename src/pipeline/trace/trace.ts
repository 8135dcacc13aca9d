import { basename, join } from 'node:path';
import { describeDrift } from '../../drift/describe.js';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { fileName } from '../../formats/file-name.js';
import { createSafetensors } from '../../formats/safetensors.js';
import { paperOrigin } from '../../report/origin/paper.js';
import { type Origin, OriginSchema } from '../../report/origin/schema.js';
import { summariseOrigin } from '../../report/origin/summary.js';
import { checkPair } from '../../weights/pair.js';
import type { FfnWeights } from '../../weights/types.js';
import { type Detector, detectorIdentity, hNeuronsOf } from '../detector.js';
import type { ModelIdentity } from '../manifest.js';
import type { RunFolder } from '../run-folder.js';
import { describeSystem } from '../system.js';
import type { Dataset } from '../table/set.js';
import { type BaseAsking, type BaseRunContext, baseRunPath, repeatRun } from './base-run.js';
import { transferOnDatasets } from './datasets.js';
import { judgeBeside, transferBetween } from './transfer.js';

/** A model as trace sees it: weights to compare, and, where llama.cpp runs it, who it is. */
export interface TracedModel {
  name: string;
  weights: FfnWeights;
  /** Undefined for a safetensors checkpoint: its neurons can be compared, but it cannot be asked. */
  identity?: ModelIdentity;
}

export interface TraceInput {
  detector: Detector;
  detectorPath: string;
  /** The run that the detector lies in; without it there is nothing to repeat on the base model. */
  run?: RunFolder;
  /** The model that the detector was trained on. */
  instruct: TracedModel;
  /** What it may have come from: the base model, or checkpoints of a training in their order. */
  bases: TracedModel[];
  /** How asking the base model differs from the run. */
  asking: BaseAsking;
  transfer: boolean;
  /** Further data sets for the base model to answer, and how many questions of each at most. */
  datasets: readonly Dataset[];
  limit: number;
  seed: number;
  out: string;
}

type Point = Pick<Origin, 'drift' | 'driftNote' | 'transfer' | 'transferNote' | 'datasets' | 'differences'>;

/**
 * Where H-Neurons come from (method.md section 7): whether the detector carries over to the base model, and whether its neurons
 * moved less than others. Writes `origin.json`, and `drift.safetensors` with the figures of every neuron.
 * @throws UserError when the models are not of one family, a file is damaged, or the base model cannot be run.
 */
export async function traceOrigin(input: TraceInput, context: BaseRunContext): Promise<Origin> {
  const { instruct, bases, detector, out } = input;
  const points: Point[] = [];
  for (const base of bases) points.push(await tracePoint(input, base, context));
  const last = points[points.length - 1];
  const base = bases[bases.length - 1];
  const paper = paperOrigin({
    names: [instruct.name, basename(instruct.weights.path)],
    layers: instruct.weights.layers,
    ffn: instruct.weights.ffn,
  });
  const origin = OriginSchema.parse({
    schema: 'hneurons/origin',
    version: 1,
    summary: summariseOrigin(last),
    base: describeModel(base),
    instruct: describeModel(instruct),
    detector: {
      path: input.detectorPath,
      identity: detectorIdentity(detector),
      hNeurons: hNeuronsOf(detector).length,
      layers: detector.model.layers,
      ffn: detector.model.ffn,
    },
    ...last,
    emergence:
      bases.length > 1
        ? points.map(({ drift, transfer }, i) => ({ checkpoint: bases[i].name, drift, transfer }))
        : null,
    paper: paper ?? null,
    run: {
      command: ['hneurons', ...context.command].join(' '),
      version: context.version,
      seed: input.seed,
      system: describeSystem(),
    },
  } satisfies Origin);
  await writeFileAtomic(join(out, 'origin.json'), `${JSON.stringify(origin, null, 2)}\n`);
  return origin;
}

async function tracePoint(input: TraceInput, base: TracedModel, context: BaseRunContext): Promise<Point> {
  const { instruct, detector } = input;
  const differences = await checkPair(base.weights, instruct.weights);
  if (detector.model.layers !== base.weights.layers || detector.model.ffn !== base.weights.ffn) {
    throw new UserError(
      `the detector is for ${detector.model.layers} layers of ${detector.model.ffn} neurons, ${base.name} has ${base.weights.layers} of ${base.weights.ffn}`,
    );
  }
  const drift = await driftFrom(input, base, context);
  return { differences, ...drift, ...(await transferTo(input, base, context)) };
}

async function driftFrom(
  { instruct, detector, seed, out }: TraceInput,
  base: TracedModel,
  { emit, signal }: BaseRunContext,
): Promise<Pick<Point, 'drift' | 'driftNote'>> {
  const without = (driftNote: string) => ({ drift: null, driftNote });
  const marked = hNeuronsOf(detector);
  if (base.weights.path === instruct.weights.path) {
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
  const { description, arrays } = await describeDrift(base.weights, instruct.weights, marked, {
    seed,
    signal,
    onProgress: (done, total) => emit({ type: 'progress', step: 'trace', done, total, unit: 'matrices' }),
  });
  await writeArrays(join(out, `drift-${fileName(base.name)}.safetensors`), arrays);
  const { meanRank, layerMatched } = description.inertia;
  emit({
    type: 'end',
    step: 'trace',
    seconds: (performance.now() - began) / 1000,
    summary: `mean rank of the H-Neurons ${meanRank.estimate.toFixed(3)}, p ${layerMatched.p.toPrecision(2)}`,
  });
  return { drift: description, driftNote: null };
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

function describeModel({ name, weights }: TracedModel): Origin['base'] {
  const { path, format, architecture, quantisation } = weights;
  return { name, path, format, architecture, quantisation };
}

/** Drift, score and rank of every neuron, float32 `[layers, ffn]` each. */
async function writeArrays(
  path: string,
  { drift, score, rank }: Awaited<ReturnType<typeof describeDrift>>['arrays'],
): Promise<void> {
  const { layers, ffn, up, gate, down } = drift;
  const arrays = { up, ...(gate && { gate }), down, score, rank };
  const shapes = Object.fromEntries(Object.keys(arrays).map((name) => [name, { shape: [layers, ffn] }]));
  const writer = await createSafetensors(path, shapes);
  try {
    for (const [name, values] of Object.entries(arrays)) {
      for (let layer = 0; layer < layers; layer++) {
        writer.writeRow(name, layer, Float32Array.from(values.subarray(layer * ffn, (layer + 1) * ffn)));
      }
    }
    writer.sync();
  } finally {
    writer.close();
  }
}
