/**
 * How a model does on the built-in questions, relation by relation:
 *
 *   node dist/bench/question-balance.js MODEL.gguf [QUESTIONS_PER_RELATION] [RELATION ...]
 *
 * Ten samples each at the settings of `collect`. Prints the share of questions that are always right, always wrong and
 * uncertain, the matched samples that a relation of this size would give (twice the rarer class), and example answers.
 */
import { openEngine, promptStyle } from '../src/engine/index.js';
import { createJudge, type Verdict } from '../src/judge/rule.js';
import { builtinQuestions } from '../src/questions/builtin.js';
import { FEW_SHOT } from '../src/questions/few-shot.js';
import type { Question } from '../src/questions/types.js';

const SETTINGS = { temperature: 1, topK: 50, topP: 0.9, minP: 0, maxTokens: 50, seed: 1 };

const [path, count = '40', ...only] = process.argv.slice(2);
if (path === undefined) {
  console.error(
    'Usage: node dist/bench/question-balance.js MODEL.gguf [QUESTIONS_PER_RELATION] [RELATION ...]',
  );
  process.exit(2);
}

/** Spread evenly over the relation, as neighbours are alike (largest cities first). */
function spread<T>(list: T[], n: number): T[] {
  return list.length <= n
    ? list
    : Array.from({ length: n }, (_, i) => list[Math.floor((i * list.length) / n)]);
}

const relations = new Map<string, Question[]>();
for (const question of builtinQuestions()) {
  if (only.length > 0 && !only.includes(question.relation)) continue;
  relations.set(question.relation, [...(relations.get(question.relation) ?? []), question]);
}
const asked = new Map([...relations].map(([name, list]) => [name, spread(list, Number(count))]));
const questions = [...asked.values()].flat();

const engine = await openEngine({ modelPath: path });
const style = promptStyle(engine.model, 'auto', [...FEW_SHOT]);
const prompts = await engine.tokenize(
  await Promise.all(questions.map(({ question }) => style.text(question))),
  style.tokenize,
);
let prefix = 0;
while (prompts.every((prompt) => prefix < prompt.length - 1 && prompt[prefix] === prompts[0][prefix]))
  prefix++;

const answers = new Map<string, string[]>();
let next = 0;
const start = Date.now();
const stats = await engine.sample({
  settings: { ...SETTINGS, stop: style.stop },
  prefix: prompts[0].slice(0, prefix),
  next() {
    if (next >= questions.length) return undefined;
    const index = next++;
    return { id: questions[index].id, prompt: prompts[index], samples: 10 };
  },
  onResult: ({ id, samples }) =>
    void answers.set(
      id,
      samples.map(({ text }) => text.trim()),
    ),
});
await engine.close();
const seconds = (Date.now() - start) / 1000;
console.log(
  `${questions.length} questions in ${seconds.toFixed(0)} s, ${(stats.decodedRows / stats.sampledTokens).toFixed(3)} rows a sampled token`,
);

let matched = 0;
for (const [name, list] of asked) {
  const tally = { right: 0, wrong: 0, uncertain: 0 };
  const examples: Record<string, string[]> = { right: [], wrong: [], mixed: [] };
  for (const { id, question, aliases } of list) {
    const judge = createJudge(aliases);
    const responses = answers.get(id)!;
    const verdicts = responses.map(judge);
    const all = (verdict: Verdict) => verdicts.every((other) => other === verdict);
    const kind = all('correct') ? 'right' : all('wrong') ? 'wrong' : 'mixed';
    if (kind !== 'mixed') tally[kind]++;
    if (verdicts.includes('uncertain')) tally.uncertain++;
    examples[kind].push(`${question} -> ${[...new Set(responses)].slice(0, 4).join(' | ')} (${aliases[0]})`);
  }
  const size = relations.get(name)!.length;
  const expected = 2 * Math.floor((Math.min(tally.right, tally.wrong) / list.length) * size);
  matched += expected;
  const share = (n: number) => `${((100 * n) / list.length).toFixed(0)} %`.padStart(5);
  console.log(
    `${name.padEnd(26)} ${String(size).padStart(4)}  right ${share(tally.right)}  wrong ${share(tally.wrong)}  uncertain ${share(tally.uncertain)}  matched ~${expected}`,
  );
  for (const kind of ['right', 'wrong', 'mixed']) {
    for (const example of examples[kind].slice(0, process.env.EXAMPLES ? Number(process.env.EXAMPLES) : 0)) {
      console.log(`    ${kind}: ${example}`);
    }
  }
}
console.log(`matched samples to expect: ${matched}`);
