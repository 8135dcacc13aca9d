/**
 * How far a local model as judge agrees with published verdicts:
 *
 *   node dist/bench/local-judge.js FOLDER MODEL [RESPONSES] [THREADS]
 *
 * FOLDER holds `triviaqa-gemma-3-4b-samples.jsonl` (see judge-agreement). One response of each of RESPONSES questions (default 200),
 * drawn with seed 1. Prints agreement, Cohen's kappa, the table and the time; nothing is taken from a cache.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../src/cli/main.js';
import { readJudgeItems } from '../src/pipeline/judge-items.js';
import { derive, int, shuffle } from '../src/stats/random.js';

const [folder, model, count = '200', threads = '1'] = process.argv.slice(2);
if (model === undefined) {
  console.error('Usage: node dist/bench/local-judge.js FOLDER MODEL [RESPONSES] [THREADS]');
  process.exit(2);
}
const items = await readJudgeItems(join(folder, 'triviaqa-gemma-3-4b-samples.jsonl'));
const questions = new Map<string, typeof items>();
for (const item of items) questions.set(item.id, [...(questions.get(item.id) ?? []), item]);
const random = derive(1, 'local-judge');
const drawn = shuffle(random, [...questions.values()])
  .slice(0, Number(count))
  .map((responses) => responses[int(random, responses.length)]);
const work = mkdtempSync(join(tmpdir(), 'hneurons-judge-'));
try {
  const sample = join(work, 'sample.jsonl');
  const lines = drawn.map(({ id, question, aliases, response, given }) =>
    JSON.stringify({ id, question, aliases, response, verdict: given }),
  );
  writeFileSync(sample, lines.join('\n'));
  const began = performance.now();
  process.exitCode = await main([
    ...['judge', sample, '--compare', 'given', `local:${model}`, '--examples', '3'],
    ...['--threads', threads, '--judge-cache', join(work, 'cache')],
  ]);
  console.log(`\n${((performance.now() - began) / 1000).toFixed(0)} s`);
} finally {
  rmSync(work, { recursive: true });
}
