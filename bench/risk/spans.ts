/**
 * How well the risk of a span finds the wrong facts in answers that hold several, beside the log-probability of its tokens.
 *
 *     node dist/bench/risk/spans.js RUN [--model gemma-3-270m] [--prompts N] [--threads 1] [--json FILE]
 *
 * Prompts: "Give the capital, currency and language of …", with worked examples that give the answer its form. Each fact is right
 * or wrong by rule. Span: as the server finds it. Figures over all facts, over those whose own question was in the test half of
 * the run, and within one answer (a wrong fact against a right one). All intervals: 95 %, bootstrap over prompts.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { promptStyle } from '../../src/engine/index.js';
import { judgeResponse } from '../../src/judge/rule.js';
import { readRecords } from '../../src/pipeline/records.js';
import { tokenizeSequences } from '../../src/pipeline/sequence.js';
import { tokensOf } from '../../src/pipeline/token-spans.js';
import { factParts, MULTI_FACT_SHOTS, multiFactPrompts } from '../../src/questions/multi-fact.js';
import { scoreWritten } from '../../src/risk/score.js';
import { bootstrapIntervals } from '../../src/stats/bootstrap.js';
import { aurocStatistic } from '../../src/stats/metrics.js';
import { derive, shuffle } from '../../src/stats/random.js';
import { openRun, sampleAnswers, shown } from './ask.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    prompts: { type: 'string', default: '1000' },
    threads: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
if (positionals.length !== 1) {
  console.error('Usage: node dist/bench/risk/spans.js RUN [--model M] [--prompts N] [--json FILE]');
  process.exit(2);
}
const [run] = positionals;
const Question = z.object({ id: z.string(), split: z.enum(['train', 'test']) });
const splits = new Map(
  (await readRecords(join(run, 'questions.jsonl'), Question, 'not a question')).map(({ id, split }) => [
    id,
    split,
  ]),
);
const prompts = shuffle(derive(1, 'spans'), multiFactPrompts()).slice(0, Number(values.prompts));

/** One fact of one answer. */
interface Row {
  prompt: number;
  label: string;
  heldOut: boolean;
  wrong: number;
  risk: number;
  logProbability: number;
  text: string;
}

const { engine, detector, heldOut } = await openRun(run, values.model, Number(values.threads));
try {
  const style = promptStyle(engine.model, detector.promptStyle, MULTI_FACT_SHOTS, '');
  const texts = await Promise.all(
    prompts.map(async ({ id, question }) => ({ id, text: await style.text(question) })),
  );
  const samples = await sampleAnswers(engine, texts, style.tokenize, {
    ...{ temperature: 0, samples: 1, seed: 1, maxTokens: 60, stop: style.stop },
  });
  const answers = samples.map(([{ text }]) => text);
  const written = texts.map(({ text }, i) => ({ prompt: text, answer: answers[i] }));
  const risks = await scoreWritten(engine, { detector, heldOut }, written, style.tokenize);
  const sequences = await tokenizeSequences(
    engine,
    written.map(({ prompt, answer }) => ({ prompt, response: answer })),
    style.tokenize,
  );
  const logs = await engine.logProbabilities(
    sequences.map((sequence) => ({
      tokens: sequence?.tokens ?? [0],
      asked: (sequence?.spans ?? []).map((_, i) => {
        const at = sequence!.responseStart + i;
        return { at: at - 1, tokens: [sequence!.tokens[at]] };
      }),
    })),
  );
  let missed = 0;
  const rows: Row[] = prompts.flatMap(({ facts }, prompt): Row[] => {
    const answer = answers[prompt];
    return factParts(answer, facts).flatMap((part, i): Row[] => {
      const { id, label, aliases } = facts[i];
      const span = part && risks[prompt]?.spans.find((one) => one.start >= part.start && one.end <= part.end);
      const tokens = span && sequences[prompt] && tokensOf(sequences[prompt].spans, span.start, span.end);
      const verdict = span && judgeResponse(answer.slice(part.start, part.end), aliases);
      if (!tokens || verdict === 'uncertain') {
        missed++;
        return [];
      }
      const values = logs[prompt].subarray(tokens.start, tokens.end);
      return [
        {
          ...{ prompt, label, heldOut: splits.get(id) === 'test', wrong: verdict === 'wrong' ? 1 : 0 },
          ...{ risk: span.risk, text: span.text },
          logProbability: values.reduce((a, b) => a + b, 0) / values.length,
        },
      ];
    });
  });
  console.log(
    `${prompts.length} prompts, ${rows.length} facts answered (${missed} without a span or an answer), ${(
      (100 * rows.reduce((sum, { wrong }) => sum + wrong, 0)) / rows.length
    ).toFixed(0)} % of them wrong`,
  );
  console.log('AUROC per span (wrong facts above right ones)');
  const report: Record<string, unknown> = {};
  const compare = (name: string, part: Row[]) => {
    const labels = part.map(({ wrong }) => wrong);
    const wrong = labels.reduce((a, b) => a + b, 0);
    if (wrong < 5 || labels.length - wrong < 5)
      return console.log(`  ${name}: ${wrong} wrong of ${labels.length}: too few`);
    const ours = aurocStatistic(
      part.map(({ risk }) => risk),
      labels,
    );
    const theirs = aurocStatistic(
      part.map(({ logProbability }) => -logProbability),
      labels,
    );
    const figures = bootstrapIntervals(
      part.length,
      (weights) => [ours(weights), theirs(weights), ours(weights) - theirs(weights)],
      derive(1, 'spans', name),
      { groups: part.map(({ prompt }) => prompt) },
    );
    console.log(
      `  ${name}: ${wrong} wrong of ${part.length}; risk ${shown(figures[0])}, log-probability ${shown(figures[1])}, difference ${shown(figures[2])}`,
    );
    report[name] = {
      facts: part.length,
      wrong,
      risk: figures[0],
      logProbability: figures[1],
      difference: figures[2],
    };
  };
  compare('all facts', rows);
  compare(
    'held-out facts',
    rows.filter((row) => row.heldOut),
  );
  for (const label of ['capital', 'currency', 'language'])
    compare(
      label,
      rows.filter((row) => row.label === label),
    );

  // Within one answer: each pair of a wrong and a right fact.
  const pairs = rows.flatMap((a) =>
    rows
      .filter((b) => a.prompt === b.prompt && a.wrong === 1 && b.wrong === 0)
      .map((b) => ({
        prompt: a.prompt,
        ours: a.risk > b.risk ? 1 : a.risk === b.risk ? 0.5 : 0,
        theirs: a.logProbability < b.logProbability ? 1 : 0,
      })),
  );
  if (pairs.length > 0) {
    const share = (weights: ArrayLike<number>, value: (pair: (typeof pairs)[0]) => number) => {
      let [sum, total] = [0, 0];
      for (let i = 0; i < pairs.length; i++) {
        sum += weights[i] * value(pairs[i]);
        total += weights[i];
      }
      return sum / total;
    };
    const [ours, theirs] = bootstrapIntervals(
      pairs.length,
      (weights) => [share(weights, (pair) => pair.ours), share(weights, (pair) => pair.theirs)],
      derive(1, 'spans', 'pairs'),
      { groups: pairs.map(({ prompt }) => prompt) },
    );
    console.log(
      `within one answer, ${pairs.length} pairs: the wrong fact is riskier in ${shown(ours)}, less likely in ${shown(theirs)}`,
    );
    report.pairs = { pairs: pairs.length, risk: ours, logProbability: theirs };
  }
  for (let i = 0; i < 3; i++) {
    const spans = risks[i]?.spans.map(({ text, risk }) => `${text} ${risk.toFixed(2)}`).join(', ');
    console.log(`example: ${prompts[i].question} ->${answers[i]}  [${spans}]`);
  }
  if (values.json) writeFileSync(values.json, JSON.stringify(report, null, 1));
} finally {
  await engine.close();
}
