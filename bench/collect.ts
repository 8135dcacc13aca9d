/**
 * Questions a second against `reference.py sample`: same machine, same float32 model, built-in questions, few-shot
 * prompts, 10 samples, quotas off.
 *   node dist/bench/collect.js --reference ../shared/reference/reference.py --python PYTHON [--model gemma-3-270m]
 *     [--questions 300] [--theirs 5] [--repeats 3]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertToFloat32, openEngine, promptStyle } from '../src/engine/index.js';
import { ruleJudge, ruleSpans } from '../src/judge/rule-judge.js';
import { resolveModel } from '../src/models/resolve.js';
import { openLocalSampler } from '../src/pipeline/local-sampler.js';
import { sampleQuestions } from '../src/pipeline/sample-questions.js';
import { makeCollectSettings } from '../src/pipeline/settings.js';
import { splitQuestions } from '../src/pipeline/split.js';
import { builtinQuestions } from '../src/questions/builtin.js';
import { FEW_SHOT } from '../src/questions/few-shot.js';
import { hardware, median, runReference, scratchFolder, spread, writeLines } from './reference.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    reference: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    questions: { type: 'string', default: '300' },
    theirs: { type: 'string', default: '5' },
    repeats: { type: 'string', default: '3' },
  },
});

const scratch = scratchFolder();
const model = await resolveModel(options.model);
const float32 = join(scratch, 'float32.gguf');
await convertToFloat32(model.path, float32);
const questions = splitQuestions(builtinQuestions(), 1).slice(0, Number(options.questions));

interface Ours {
  perSecond: number;
  rowsPerToken: number;
}

async function ours(modelPath: string, repeat: number): Promise<Ours> {
  const engine = await openEngine({ modelPath, device: 'cpu' });
  try {
    const settings = makeCollectSettings({ promptStyle: 'few-shot', seed: repeat, quota: null });
    const path = join(scratch, `responses-${repeat}-${modelPath === float32}.jsonl`);
    const start = performance.now();
    const sampler = await openLocalSampler(engine, questions, settings);
    const judging = { judge: ruleJudge(), spans: ruleSpans() };
    const onProgress = () => {};
    const { stats } = await sampleQuestions({ sampler, judging, questions, settings, path, onProgress });
    const seconds = (performance.now() - start) / 1000;
    return { perSecond: questions.length / seconds, rowsPerToken: stats!.decodedRows / stats!.sampledTokens };
  } finally {
    await engine.close();
  }
}

async function promptsFor(count: number): Promise<{ prompts: string[]; bos: boolean }> {
  const engine = await openEngine({ modelPath: float32, device: 'cpu' });
  const style = promptStyle(engine.model, 'few-shot', FEW_SHOT);
  const step = Math.max(1, Math.floor(questions.length / count));
  const chosen = questions.filter((_, i) => i % step === 0).slice(0, count);
  await engine.close();
  return {
    prompts: await Promise.all(chosen.map(({ question }) => style.text(question))),
    bos: engine.model.addBos,
  };
}

console.log(`collect: ${model.name}, ${questions.length} built-in questions x 10 samples; ${hardware()}`);
const full: Ours[] = [];
const shipped: Ours[] = [];
for (let repeat = 1; repeat <= Number(options.repeats); repeat++) {
  full.push(await ours(float32, repeat));
  shipped.push(await ours(model.path, repeat));
}
const speeds = (runs: Ours[]) => runs.map((run) => run.perSecond);
console.log(`  ours, float32:    ${spread(speeds(full))} questions/s`);
console.log(`  ours, as shipped: ${spread(speeds(shipped))} questions/s`);
console.log(
  `  decoded rows per sampled token: ${spread(full.map((run) => run.rowsPerToken))} (independent runs: 1)`,
);
if (options.reference) {
  const count = Number(options.theirs);
  const { prompts, bos } = await promptsFor(count);
  const path = join(scratch, 'questions.jsonl');
  writeLines(
    path,
    prompts.map((prompt) => ({ prompt })),
  );
  const args = ['sample', float32, path, '-n', String(count), ...(bos ? ['--bos'] : [])];
  const theirs = runReference(options.python, options.reference, args).questions_per_second;
  console.log(`  reference, float32: ${theirs.toFixed(4)} questions/s (${count} of the same questions)`);
  console.log(`  ratio, both float32: ${(median(speeds(full)) / theirs).toFixed(0)}x`);
  console.log(`  ratio, as shipped:   ${(median(speeds(shipped)) / theirs).toFixed(0)}x`);
}
