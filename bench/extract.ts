/**
 * Samples a second against `reference.py extract`: same machine, same float32 model; once with few-shot prompts (a
 * shared prefix) and once with sequences that share nothing.
 *   node dist/bench/extract.js --reference ../shared/reference/reference.py --python PYTHON [--model gemma-3-270m]
 *     [--cases 200] [--theirs 15] [--repeats 3] [--threads N]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertToFloat32, type Engine, openEngine, promptStyle } from '../src/engine/index.js';
import { createSafetensors } from '../src/formats/safetensors.js';
import { resolveModel } from '../src/models/resolve.js';
import { showsResidual, writePlan } from '../src/pipeline/feature-file.js';
import { locateQuestions } from '../src/pipeline/question-span.js';
import { casePlan, planPrefix, type ReadableCase } from '../src/pipeline/read-plan.js';
import { splitQuestions } from '../src/pipeline/split.js';
import { builtinQuestions } from '../src/questions/builtin.js';
import { FEW_SHOT } from '../src/questions/few-shot.js';
import { hardware, median, runReference, scratchFolder, spread, writeLines } from './reference.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    reference: { type: 'string' },
    threads: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    cases: { type: 'string', default: '200' },
    theirs: { type: 'string', default: '15' },
    repeats: { type: 'string', default: '3' },
  },
});

/** Tokens of a sequence without a shared prefix: as long as the yardstick's own. */
const PLAIN_TOKENS = 28;

const scratch = scratchFolder();
const model = await resolveModel(options.model);
const float32 = join(scratch, 'float32.gguf');
await convertToFloat32(model.path, float32);
const engine = await openEngine({
  modelPath: float32,
  device: 'cpu',
  threads: options.threads === undefined ? undefined : Number(options.threads),
});
const questions = splitQuestions(builtinQuestions(), 1).slice(0, Number(options.cases));

async function fewShotCases(): Promise<ReadableCase[]> {
  const { text, tokenize } = promptStyle(engine.model, 'few-shot', FEW_SHOT);
  const prompts = await engine.tokenize(
    await Promise.all(questions.map(({ question }) => text(question))),
    tokenize,
  );
  const answers = await engine.tokenize(
    questions.map(({ aliases }) => ` ${aliases[0]}`),
    { special: false, bos: false },
  );
  const places = await locateQuestions(
    engine,
    questions.map(({ question }, i) => ({ question, prompt: prompts[i] })),
  );
  return prompts.map((prompt, i) => ({
    ...places[i],
    id: String(i),
    token_ids: [...prompt, ...answers[i]],
    answer_start: prompt.length,
    answer_end: prompt.length + answers[i].length,
  }));
}

/** Windows of 28 tokens from the running text of all questions: no two begin alike. */
async function plainCases(): Promise<ReadableCase[]> {
  const text = questions.map(({ question, aliases }) => `${question} ${aliases[0]}.`).join(' ');
  const [tokens] = await engine.tokenize([text.repeat(3)], { special: false, bos: false });
  return questions.map((_, i) => ({
    id: String(i),
    token_ids: Array.from(tokens.subarray(i * (PLAIN_TOKENS - 5), i * (PLAIN_TOKENS - 5) + PLAIN_TOKENS)),
    answer_start: PLAIN_TOKENS - 4,
    answer_end: PLAIN_TOKENS,
    question_start: 2,
    question_end: PLAIN_TOKENS - 6,
  }));
}

async function ours(reader: Engine, cases: ReadableCase[], name: string): Promise<number> {
  const path = join(scratch, `${name}.safetensors`);
  const start = performance.now();
  const plan = casePlan(cases, { question: true, residual: await showsResidual(reader) });
  const target = { path, donePath: `${path}.done`, type: 'float32' as const, metadata: { key: name } };
  await writePlan(reader, plan, target, () => {});
  return cases.length / ((performance.now() - start) / 1000);
}

/** The answer and the other tokens alone, in one read that nothing interrupts: what the further tensors are measured against. */
async function bare(reader: Engine, cases: ReadableCase[], name: string): Promise<number> {
  const start = performance.now();
  const plan = casePlan(cases, { question: false, residual: false });
  const shape = [cases.length, reader.model.layers * reader.model.ffn];
  const path = join(scratch, `${name}.safetensors`);
  const file = await createSafetensors(path, { answer: { shape }, other: { shape } });
  let next = 0;
  await reader.read({
    prefix: planPrefix(plan),
    next: () => {
      const read = plan.rows[next]?.[0];
      return read && { id: String(next++), tokens: read.tokens, masks: read.masks };
    },
    onResult: ({ id, means }) => {
      plan.tensors.forEach((tensor, mask) => {
        file.writeRow(tensor, Number(id), means[mask]);
      });
    },
  });
  file.sync();
  file.close();
  return cases.length / ((performance.now() - start) / 1000);
}

console.log(`extract: ${model.name} in float32, ${questions.length} cases; ${hardware()}`);
await engine.columnNorms();
for (const [name, cases] of [
  ['few-shot prompts', await fewShotCases()],
  ['no shared prefix', await plainCases()],
] as const) {
  const tokens = cases.reduce((sum, one) => sum + one.token_ids.length, 0) / cases.length;
  const speeds: number[] = [];
  const bareSpeeds: number[] = [];
  for (let repeat = 0; repeat < Number(options.repeats); repeat++) {
    speeds.push(await ours(engine, cases, `${name} ${repeat}`));
    bareSpeeds.push(await bare(engine, cases, `${name} bare ${repeat}`));
  }
  console.log(`  ${name} (${tokens.toFixed(0)} tokens each): ours ${spread(speeds)} samples/s`);
  console.log(
    `    answer and other tokens alone ${spread(bareSpeeds)} samples/s: question, residual stream and blocks cost ${(median(bareSpeeds) / median(speeds)).toFixed(2)}x`,
  );
  if (!options.reference) continue;
  const path = join(scratch, 'cases.jsonl');
  writeLines(
    path,
    cases.map((one) => ({ ...one, token_ids: Array.from(one.token_ids) })),
  );
  const args = ['extract', float32, path, '-n', options.theirs, '--out', join(scratch, 'theirs')];
  const theirs = runReference(options.python, options.reference, args).samples_per_second;
  console.log(
    `    reference ${theirs.toFixed(2)} samples/s: ours is ${(median(speeds) / theirs).toFixed(1)}x faster`,
  );
}
await engine.close();
