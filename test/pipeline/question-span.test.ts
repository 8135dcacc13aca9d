import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promptStyle } from '../../src/engine/index.js';
import { locateQuestions } from '../../src/pipeline/question-span.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';
import { openTiny } from '../support/engines.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const TEMPLATE =
  '{% for message in messages %}<turn>{{ message.role }}\n{{ message.content | trim }}</turn>\n{% endfor %}{% if add_generation_prompt %}<turn>model\n{% endif %}';

test("a question's own tokens are found in every kind of prompt and by every tokenizer", async () => {
  const questions = [
    'Which city is named "Śródmieście 東京"?',
    '  What is the capital of France? ',
    FEW_SHOT[0].question,
    'x',
  ];
  for (const architecture of ['llama', 'gpt2'] as const) {
    const { engine } = await openTiny(folder, { architecture, chatTemplate: TEMPLATE });
    for (const kind of ['plain', 'few-shot', 'chat'] as const) {
      const style = promptStyle(engine.model, kind, FEW_SHOT);
      const prompts = await engine.tokenize(await Promise.all(questions.map(style.text)), style.tokenize);
      const items = questions.map((question, i) => ({ question, prompt: prompts[i] }));
      const spans = await locateQuestions(engine, items);
      for (const [i, { question_start: start, question_end: end }] of spans.entries()) {
        const what = `${architecture} ${kind} ${JSON.stringify(questions[i])}`;
        assert.ok(start !== null && end !== null, what);
        const text = (from: number, to: number) => engine.detokenize(prompts[i].slice(from, to));
        const wanted = questions[i].trim();
        assert.ok((await text(start, end)).includes(wanted), what);
        // The last place, and no token too many at either end.
        assert.ok(!(await text(start + 1, prompts[i].length)).includes(wanted), what);
        assert.ok(!(await text(start, end - 1)).includes(wanted), what);
      }
    }
  }
});

test('a prompt that does not hold the question as it is has no place for it', async () => {
  const engine = fakeEngine();
  const prompt = await engine.tokenize(['QUESTION: WHO?\nAnswer:'], { special: false, bos: true });
  const spans = await locateQuestions(engine, [
    { question: 'Who?', prompt: prompt[0] },
    { question: ' ', prompt: prompt[0] },
    { question: 'WHO?', prompt: prompt[0] },
    { question: 'WHO?', prompt: [] },
  ]);
  assert.deepEqual(
    spans.map(({ question_start, question_end }) => [question_start, question_end]),
    [
      [null, null],
      [null, null],
      [11, 15],
      [null, null],
    ],
  );
});
