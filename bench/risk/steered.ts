/**
 * What turning the H-Neurons does to the risk by itself: the held-out answers of a run, read again under each alpha, so that only the
 * model changes and not what is said. CETT is that of a neuron before it is scaled, so a neuron that is off is still read.
 *
 *     node dist/bench/risk/steered.js RUN [--model gemma-3-270m] [--alpha 0,0.25,0.5,0.75,1,1.5,2] [--threads 2]
 *
 * All intervals: 95 %, bootstrap over facts.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Engine } from '../../src/engine/index.js';
import { readCases } from '../../src/pipeline/cases.js';
import { detectorProbability } from '../../src/pipeline/detector.js';
import { numberGroups } from '../../src/pipeline/groups.js';
import { scoreSequences } from '../../src/pipeline/score.js';
import { aurocInterval } from '../../src/stats/bootstrap.js';
import type { Interval } from '../../src/stats/interval.js';
import { derive } from '../../src/stats/random.js';
import { bootstrapMean } from '../../src/stats/slope.js';
import { openRun, shown, steeringOf } from './ask.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    alpha: { type: 'string', default: '0,0.25,0.5,0.75,1,1.5,2' },
    threads: { type: 'string', default: '2' },
  },
});
if (positionals.length !== 1) {
  console.error('Usage: node dist/bench/risk/steered.js RUN [--model M] [--alpha LIST] [--threads N]');
  process.exit(2);
}
const [run] = positionals;
const cases = (await readCases(join(run, 'cases.jsonl'))).filter(({ split }) => split === 'test');
const labels = Uint8Array.from(cases, (one) => (one.class === 'hallucinated' ? 1 : 0));
const groups = numberGroups(cases.map(({ group }) => group));
const { engine, detector } = await openRun(run, values.model, Number(values.threads));

const sequences = cases.map((one) => ({
  tokens: one.token_ids,
  start: one.answer_start,
  answerStart: one.answer_start,
  answerEnd: one.answer_end,
}));

/** Probability of each answer as the model under `alpha` reads it. */
async function risksAt(alpha: number): Promise<number[]> {
  const steering = steeringOf(detector, alpha);
  const steered: Engine = { ...engine, read: (job) => engine.read({ ...job, steering }) };
  const scores = await scoreSequences(steered, detector, sequences);
  return scores.map(({ score }) => detectorProbability(detector, score));
}

/** Mean of a value of each answer, over the answers of a class, or of both. */
function meanOf(values: number[], label?: number): Interval {
  const places = [...cases.keys()].filter((i) => label === undefined || labels[i] === label);
  return bootstrapMean(
    places.map((i) => values[i]),
    places.map((i) => groups[i]),
    derive(1, 'steered'),
  );
}

try {
  console.log(
    `${cases.length} held-out answers; mean risk of all, of the made-up, of the right; share at .5 or above; AUROC`,
  );
  for (const alpha of values.alpha.split(',').map(Number)) {
    const risks = await risksAt(alpha);
    const above = risks.map((risk) => (risk >= 0.5 ? 1 : 0));
    const [all, madeUp, right, madeUpAbove, rightAbove, auroc] = [
      meanOf(risks),
      meanOf(risks, 1),
      meanOf(risks, 0),
      meanOf(above, 1),
      meanOf(above, 0),
      aurocInterval(risks, { labels, groups }, derive(1, 'steered')),
    ].map((one) => shown(one, 2));
    console.log(
      `alpha ${alpha}: ${all}; made up ${madeUp}, right ${right}; at .5 or above ${madeUpAbove} of the made-up, ${rightAbove} of the right; AUROC ${auroc}`,
    );
  }
} finally {
  await engine.close();
}
