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
import { commonPrefix } from '../../src/engine/text/prompt.js';
import { readCases } from '../../src/pipeline/cases.js';
import { detectorNeurons, detectorProbability } from '../../src/pipeline/detector.js';
import { numberGroups } from '../../src/pipeline/groups.js';
import { tokenScore } from '../../src/pipeline/score.js';
import { bootstrapIntervals } from '../../src/stats/bootstrap.js';
import { aurocStatistic } from '../../src/stats/metrics.js';
import { derive } from '../../src/stats/random.js';
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
const labels = cases.map((one) => (one.class === 'hallucinated' ? 1 : 0));
const { engine, detector } = await openRun(run, values.model, Number(values.threads));

/** Probability of each answer as the model under `alpha` reads it. */
async function risksAt(alpha: number): Promise<number[]> {
  const { neurons, weights } = detectorNeurons(detector);
  const risks: number[] = new Array(cases.length);
  let next = 0;
  await engine.read({
    prefix: commonPrefix(cases.map(({ token_ids }) => token_ids)),
    neurons,
    steering: steeringOf(detector, alpha),
    next: () =>
      next < cases.length ? { id: String(next), tokens: cases[next++].token_ids, masks: [] } : undefined,
    onResult: ({ id, raw }) => {
      const { answer_start, answer_end } = cases[Number(id)];
      let sum = 0;
      for (let at = answer_start; at < answer_end; at++)
        sum += tokenScore(detector.intercept, weights, raw!, at);
      risks[Number(id)] = detectorProbability(detector, sum / (answer_end - answer_start));
    },
  });
  return risks;
}

/** Weighted mean of a value over the answers of a class, or of both. */
const meanOf = (value: (i: number) => number, label?: number) => (weights: ArrayLike<number>) => {
  let [sum, total] = [0, 0];
  for (let i = 0; i < cases.length; i++) {
    if (label !== undefined && labels[i] !== label) continue;
    sum += weights[i] * value(i);
    total += weights[i];
  }
  return sum / total;
};

try {
  console.log(
    `${cases.length} held-out answers; mean risk of all, of the made-up, of the right; share at .5 or above; AUROC`,
  );
  for (const alpha of values.alpha.split(',').map(Number)) {
    const risks = await risksAt(alpha);
    const above = (i: number) => (risks[i] >= 0.5 ? 1 : 0);
    const risk = (i: number) => risks[i];
    const statistics = [
      meanOf(risk),
      meanOf(risk, 1),
      meanOf(risk, 0),
      meanOf(above, 1),
      meanOf(above, 0),
      aurocStatistic(risks, labels),
    ];
    const [all, madeUp, right, madeUpAbove, rightAbove, auroc] = bootstrapIntervals(
      cases.length,
      (weights) => statistics.map((statistic) => statistic(weights)),
      derive(1, 'steered'),
      { groups: numberGroups(cases.map(({ group }) => group)) },
    ).map((one) => shown(one, 2));
    console.log(
      `alpha ${alpha}: ${all}; made up ${madeUp}, right ${right}; at .5 or above ${madeUpAbove} of the made-up, ${rightAbove} of the right; AUROC ${auroc}`,
    );
  }
} finally {
  await engine.close();
}
