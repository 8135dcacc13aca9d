/**
 * What the guard is worth on held-out facts: selective prediction (risk-coverage curve and its area), and what asking again
 * does to accuracy.
 *
 *     node dist/bench/risk/selective.js RUN [--model gemma-3-270m] [--questions 600] [--seed 1] [--threads 1] [--figure FILE.svg] [--json FILE]
 *
 * Questions of the run's test half, drawn at random, as they come: also those that the run left out because its samples
 * disagreed. Answers are judged by rule; those that say they do not know are left out. All intervals: 95 %, bootstrap over facts.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { promptStyle, type Sample } from '../../src/engine/index.js';
import { createJudge } from '../../src/judge/rule.js';
import { numberGroups } from '../../src/pipeline/groups.js';
import { readRecords } from '../../src/pipeline/records.js';
import { meanOverText } from '../../src/pipeline/sampler.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';
import { guarded } from '../../src/risk/guard.js';
import { scoreWritten } from '../../src/risk/score.js';
import type { AnswerRisk } from '../../src/risk/types.js';
import { bootstrapIntervals } from '../../src/stats/bootstrap.js';
import { auroc } from '../../src/stats/metrics.js';
import { derive, shuffle } from '../../src/stats/random.js';
import { aurcStatistic, bestAurc } from '../../src/stats/selective.js';
import { wilsonInterval } from '../../src/stats/wilson.js';
import { openRun, sampleAnswers, shown, steeringOf } from './ask.js';
import { coverageFigure } from './coverage-figure.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    questions: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    figure: { type: 'string' },
    json: { type: 'string' },
  },
});
if (positionals.length !== 1) {
  console.error(
    'Usage: node dist/bench/risk/selective.js RUN [--model M] [--questions N] [--figure FILE.svg]',
  );
  process.exit(2);
}
const [run] = positionals;
const seed = Number(values.seed);
const RETRIES = 3;

const Question = z.object({
  id: z.string(),
  question: z.string(),
  aliases: z.array(z.string()),
  split: z.enum(['train', 'test']),
  group: z.string(),
});
const all = await readRecords(join(run, 'questions.jsonl'), Question, 'not a question');
const questions = shuffle(
  derive(seed, 'selective'),
  all.filter(({ split }) => split === 'test'),
).slice(0, Number(values.questions));

const { engine, detector, heldOut } = await openRun(run, values.model, Number(values.threads));
const began = performance.now();
const note = (text: string) => console.error(`${((performance.now() - began) / 1000).toFixed(0)} s  ${text}`);
try {
  const style = promptStyle(engine.model, detector.promptStyle, FEW_SHOT);
  const prompts = await Promise.all(
    questions.map(async ({ id, question }) => ({ id, text: await style.text(question) })),
  );
  const ask = (temperature: number, samples: number, alpha = 1) =>
    sampleAnswers(engine, prompts, style.tokenize, {
      ...{ temperature, samples, seed, maxTokens: 50, stop: style.stop },
      steering: steeringOf(detector, alpha),
    });
  const ALPHAS = [1, 0.75, 0.5, 0.25];
  const greedy: Sample[][] = [];
  for (const alpha of ALPHAS) greedy.push((await ask(0, 1, alpha)).map(([sample]) => sample));
  note('greedy answers');
  const sampled = await ask(1, RETRIES + 1);
  note('samples');

  /** Every answer is scored by the model as it is, whatever alpha wrote it: the same ruler for all. */
  const scored = new Map<string, Pick<AnswerRisk, 'probability' | 'verdict'>>();
  const key = (question: number, text: string) => `${question}\n${text}`;
  const wanted = new Map<string, { question: number; text: string }>();
  questions.forEach((_, i) => {
    for (const { text } of [...greedy.map((list) => list[i]), ...sampled[i]]) {
      wanted.set(key(i, text), { question: i, text });
    }
  });
  const list = [...wanted];
  for (let at = 0; at < list.length; at += 500) {
    const part = list.slice(at, at + 500);
    const risks = await scoreWritten(
      engine,
      { detector, heldOut },
      part.map(([, { question, text }]) => ({ prompt: prompts[question].text, answer: text })),
      style.tokenize,
    );
    part.forEach(([name], i) => {
      scored.set(name, risks[i] ?? { probability: null, verdict: 'uncertain' });
    });
  }
  note(`${list.length} answers scored`);

  const verdicts = questions.map(({ aliases }) => createJudge(aliases));
  const answers = questions.map((question, i) => {
    const make = (sample: (typeof greedy)[0][0]) => ({
      probability: scored.get(key(i, sample.text))!.probability,
      said: scored.get(key(i, sample.text))!.verdict,
      verdict: verdicts[i](sample.text),
      logProbability: sample.tokens.length > 0 ? (meanOverText(sample) ?? Number.NaN) : 0,
    });
    return {
      group: question.group,
      greedy: greedy.map((each) => make(each[i])),
      sampled: sampled[i].map(make),
    };
  });

  // Selective prediction on the greedy answers.
  const known = answers.filter(
    ({ greedy: [first] }) => first.verdict !== 'uncertain' && first.probability !== null,
  );
  const labels = Uint8Array.from(known, ({ greedy: [first] }) => (first.verdict === 'wrong' ? 1 : 0));
  const groups = numberGroups(known.map(({ group }) => group));
  const risks = {
    detector: known.map(({ greedy: [first] }) => first.probability!),
    'log-probability': known.map(({ greedy: [first] }) => -first.logProbability),
  };
  const wrong = labels.reduce((a, b) => a + b, 0) / labels.length;
  const areas = Object.values(risks).map((list) => aurcStatistic(list, labels));
  const even = aurcStatistic(new Float64Array(labels.length), labels);
  const [ours, theirs, random, overRandom, overTheirs] = bootstrapIntervals(
    labels.length,
    (weights) => {
      const [a, b] = areas.map((statistic) => statistic(weights));
      const c = even(weights);
      return [a, b, c, a - c, a - b];
    },
    derive(seed, 'selective', 'intervals'),
    { groups },
  );
  console.log(
    `${known.length} held-out questions of ${run}, ${(100 * (1 - wrong)).toFixed(1)} % answered rightly (greedy, alpha 1); ${questions.length - known.length} left out`,
  );
  console.log(
    `AUROC            detector ${auroc(risks.detector, labels).toFixed(3)}, log-probability ${auroc(risks['log-probability'], labels).toFixed(3)}`,
  );
  console.log(
    `area under the risk-coverage curve (lower is better; best possible ${bestAurc(labels).toFixed(3)})`,
  );
  console.log(
    `  detector         ${shown(ours)}\n  log-probability  ${shown(theirs)}\n  random           ${shown(random)}`,
  );
  console.log(`  detector - random ${shown(overRandom)}\n  detector - log-probability ${shown(overTheirs)}`);
  console.log('verdicts, with the intervals of the run');
  for (const said of ['faithful', 'uncertain', 'hallucinated'] as const) {
    const part = known.filter(({ greedy: [first] }) => first.said === said);
    const right = part.filter(({ greedy: [first] }) => first.verdict === 'correct').length;
    console.log(`  ${said}: ${part.length}, right ${shown(wilsonInterval(right, part.length))}`);
  }
  const passed = known.map((_, i) => (risks.detector[i] < 0.5 ? 1 : 0));
  const [coverage, accuracy, before] = bootstrapIntervals(
    labels.length,
    (weights) => {
      let [given, right, total, rightAll] = [0, 0, 0, 0];
      for (let i = 0; i < labels.length; i++) {
        given += weights[i] * passed[i];
        right += weights[i] * passed[i] * (1 - labels[i]);
        rightAll += weights[i] * (1 - labels[i]);
        total += weights[i];
      }
      return [given / total, right / given, rightAll / total];
    },
    derive(seed, 'selective', 'abstain'),
    { groups },
  );
  console.log('abstain at threshold .5');
  console.log(
    `  answered ${shown(coverage)}, right of these ${shown(accuracy)}, right of all without a guard ${shown(before)}`,
  );

  // Asking again.
  const report: Record<string, unknown> = {
    questions: known.length,
    ours,
    theirs,
    random,
    overRandom,
    overTheirs,
    coverage,
    accuracy,
    before,
  };
  for (const [name, kind, temperature] of [
    ['sample again (temperature 1)', 'sampled', 1],
    ['lower alpha (greedy)', 'greedy', 0],
  ] as const) {
    const rows = await Promise.all(
      answers.map(async (answer) => {
        const result = await guarded(
          { mode: 'retry', threshold: 0.5, temperature, retries: RETRIES },
          async ({ attempt }) => answer[kind][attempt],
        );
        const right = (one: { verdict: string }) => (one.verdict === 'correct' ? 1 : 0);
        const tried = answer[kind].slice(0, result.retries + 1);
        const likeliest = [...tried].sort((a, b) => b.logProbability - a.logProbability)[0];
        return {
          first: right(tried[0]),
          kept: right(result.answer),
          last: right(tried.at(-1)!),
          likeliest: right(likeliest),
          any: Math.max(...tried.map(right)),
          retries: result.retries,
        };
      }),
    );
    const mean = (weights: ArrayLike<number>, value: (row: (typeof rows)[0]) => number) => {
      let [sum, total] = [0, 0];
      for (let i = 0; i < rows.length; i++) {
        sum += weights[i] * value(rows[i]);
        total += weights[i];
      }
      return sum / total;
    };
    const figures = bootstrapIntervals(
      rows.length,
      (weights) => [
        mean(weights, ({ first }) => first),
        mean(weights, ({ kept }) => kept),
        mean(weights, ({ kept, first }) => kept - first),
        mean(weights, ({ last, first }) => last - first),
        mean(weights, ({ likeliest, first }) => likeliest - first),
        mean(weights, ({ any, first }) => any - first),
        mean(weights, ({ retries }) => retries),
      ],
      derive(seed, 'retry', kind),
      { groups: numberGroups(answers.map(({ group }) => group)) },
    );
    const [first, kept, gain, lastGain, likelyGain, most, retries] = figures;
    console.log(`retry up to ${RETRIES} times: ${name}; ${rows.length} questions`);
    console.log(`  right at first ${shown(first)}, after retries ${shown(kept)}: ${shown(gain)}`);
    console.log(
      `  of the same attempts: the last one ${shown(lastGain)}, the likeliest ${shown(likelyGain)}, any right one ${shown(most)}`,
    );
    console.log(`  retries a question ${shown(retries, 2)}`);
    report[kind] = { first, kept, gain, lastGain, likelyGain, most, retries };
  }
  if (values.figure) writeFileSync(values.figure, coverageFigure(risks, labels));
  if (values.json) writeFileSync(values.json, JSON.stringify(report, null, 1));
} finally {
  await engine.close();
}
