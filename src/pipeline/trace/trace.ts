import { basename, join } from 'node:path';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { paperOrigin } from '../../report/origin/paper.js';
import { type Origin, OriginSchema } from '../../report/origin/schema.js';
import { summariseOrigin } from '../../report/origin/summary.js';
import { checkPair } from '../../weights/pair.js';
import { detectorIdentity, hNeuronsOf } from '../detector.js';
import { describeSystem } from '../system.js';
import type { BaseRunContext } from './base-run.js';
import type { TracedModel, TraceInput } from './input.js';
import { distinctNames } from './names.js';
import { writeOriginPage } from './page.js';
import { type Point, tracePoint } from './point.js';

/** What stands in the place of a checkpoint that a series has not come to. */
const NOT_YET = 'Not looked at yet; the same command goes on from here.';
const UNSEEN: Point = {
  drift: null,
  driftNote: NOT_YET,
  transfer: null,
  transferNote: NOT_YET,
  datasets: null,
};

/**
 * Where H-Neurons come from (method.md section 7): whether the detector carries over to the base model, and whether its neurons
 * moved less than others. Writes `origin.json` and `origin.html` after each base model, so that a series that is cut off keeps
 * what it has found, and a file with the drift of every neuron.
 * @throws UserError when the models are not of one family, a file is damaged, or the base model cannot be run.
 */
export async function traceOrigin(given: TraceInput, context: BaseRunContext): Promise<Origin> {
  const names = distinctNames(given.bases.map(({ name, weights: { path } }) => ({ name, path })));
  const input = { ...given, bases: given.bases.map((base, i) => ({ ...base, name: names[i] })) };
  // All of them before the first, which may take hours.
  const differences: string[][] = [];
  for (const base of input.bases) differences.push(await checkBase(input, base));
  const points: Point[] = [];
  let origin: Origin | undefined;
  for (const base of input.bases) {
    points.push(await tracePoint(input, base, context));
    origin = assemble(input, points, differences[points.length - 1], context);
    await writeFileAtomic(join(input.out, 'origin.json'), `${JSON.stringify(origin, null, 2)}\n`);
    await writeOriginPage(input.out, origin);
  }
  return origin!;
}

/** What else differs between a base model and the one that came of it. */
async function checkBase({ instruct, detector }: TraceInput, base: TracedModel): Promise<string[]> {
  const differences = await checkPair(base.weights, instruct.weights);
  const { layers, ffn } = base.weights;
  if (detector.model.layers !== layers || detector.model.ffn !== ffn) {
    throw new UserError(
      `the detector is for ${detector.model.layers} layers of ${detector.model.ffn} neurons, ${base.name} has ${layers} of ${ffn}`,
    );
  }
  return differences;
}

/** The content of `origin.json` when some of the base models have been looked at; the last of them is the one that it is about. */
function assemble(
  { instruct, bases, detector, detectorPath, seed }: TraceInput,
  points: readonly Point[],
  differences: string[],
  context: BaseRunContext,
): Origin {
  const last = points[points.length - 1];
  const paper = paperOrigin({
    names: [instruct.name, basename(instruct.weights.path)],
    layers: instruct.weights.layers,
    ffn: instruct.weights.ffn,
  });
  const emergence =
    bases.length > 1 ? bases.map(({ name }, i) => emergencePoint(name, points[i] ?? UNSEEN)) : null;
  return OriginSchema.parse({
    schema: 'hneurons/origin',
    version: 1,
    summary: summariseOrigin({ ...last, emergence }),
    base: describeModel(bases[points.length - 1]),
    instruct: describeModel(instruct),
    differences,
    detector: {
      path: detectorPath,
      identity: detectorIdentity(detector),
      hNeurons: hNeuronsOf(detector).length,
      layers: detector.model.layers,
      ffn: detector.model.ffn,
    },
    ...last,
    emergence,
    paper: paper ?? null,
    run: {
      command: ['hneurons', ...context.command].join(' '),
      version: context.version,
      seed,
      system: describeSystem(),
    },
  } satisfies Origin);
}

function emergencePoint(checkpoint: string, { drift, driftNote, transfer, transferNote }: Point) {
  return { checkpoint, drift, driftNote, transfer, transferNote };
}

function describeModel({ name, weights }: TracedModel): Origin['base'] {
  const { path, format, architecture, quantisation } = weights;
  return { name, path, format, architecture, quantisation };
}
