/**
 * What the verdicts are worth on the test half of a run: each answer against the intervals of all others. Reads no model.
 *
 *     node dist/bench/risk/verdicts.js RUN
 */
import { join } from 'node:path';
import { detectorProbability, readDetector } from '../../src/pipeline/detector.js';
import { riskVerdict } from '../../src/risk/answer.js';
import { readHeldOutAnswers } from '../../src/risk/held-out.js';
import { probabilityInterval } from '../../src/risk/interval.js';
import { wilsonInterval } from '../../src/stats/wilson.js';
import { shown } from './ask.js';

const [run] = process.argv.slice(2);
if (run === undefined) {
  console.error('Usage: node dist/bench/risk/verdicts.js RUN');
  process.exit(2);
}
const path = join(run, 'detector.json');
const detector = await readDetector(path);
const all = await readHeldOutAnswers(path, detector);
if (!all) throw new Error(`${run} has no evaluated test half`);
const counts = { faithful: [0, 0], uncertain: [0, 0], hallucinated: [0, 0] };
all.scores.forEach((score, i) => {
  const others = {
    scores: all.scores.filter((_, j) => j !== i),
    labels: all.labels.filter((_, j) => j !== i),
  };
  const probability = detectorProbability(detector, score);
  const verdict = riskVerdict(probability, probabilityInterval(detector, score, others), 0.5);
  counts[verdict][all.labels[i]]++;
});
for (const [verdict, [faithful, hallucinated]] of Object.entries(counts)) {
  const total = faithful + hallucinated;
  console.log(
    `${verdict}: ${total} of ${all.scores.length}, hallucinated ${shown(wilsonInterval(hallucinated, total))}`,
  );
}
