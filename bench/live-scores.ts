/**
 * How far the score of an answer as it is written is from that of `hneurons score`, which reads question and answer at once: exact
 * on a float32 model with the exact cache; on a quantised one llama.cpp rounds activations, by the shape of the batch.
 *   node dist/bench/live-scores.js --detector DETECTOR [--model gemma-3-270m] [--questions 80] [--threads N]
 */
import { parseArgs } from 'node:util';
import { builtinQuestions } from '../src/questions/builtin.js';
import { hardware } from './reference.js';
import { quantile, startServed } from './served.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    detector: { type: 'string' },
    questions: { type: 'string', default: '80' },
    threads: { type: 'string' },
  },
});
if (!options.detector) throw new Error('give --detector DETECTOR.json');
const all = builtinQuestions();
const count = Number(options.questions);
const questions = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)].question);

interface Risk {
  score: number | null;
  probability: number | null;
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

console.log(`${options.model}, ${count} questions, at most 24 tokens an answer, ${hardware()}`);
for (const cache of ['exact', 'fast']) {
  const threads = options.threads ? ['--threads', options.threads] : [];
  const server = await startServed([
    '--model',
    options.model,
    '--detector',
    options.detector,
    '--cache',
    cache,
    '--queue',
    String(count),
    ...threads,
  ]);
  try {
    const answered = await Promise.all(
      questions.map(async (question) => {
        const wish = {
          messages: [{ role: 'user', content: question }],
          temperature: 0,
          max_tokens: 24,
        };
        interface Reply {
          choices: { message: { content: string }; hneurons: Risk }[];
        }
        const [{ message, hneurons }] = (await post<Reply>(`${server.url}/v1/chat/completions`, wish))
          .choices;
        return { question, answer: message.content, live: hneurons };
      }),
    );
    const written = answered.filter(({ answer, live }) => answer !== '' && live.score !== null);
    const { results } = await post<{ results: Risk[] }>(`${server.url}/v1/score`, {
      items: written.map(({ question, answer }) => ({ question, answer })),
    });
    const scores = results.map(({ score }) => score!);
    const mean = scores.reduce((sum, one) => sum + one, 0) / scores.length;
    const deviation = Math.sqrt(scores.reduce((sum, one) => sum + (one - mean) ** 2, 0) / scores.length);
    const told = (name: keyof Risk) => {
      const off = results.map((one, i) => Math.abs(one[name]! - written[i].live[name]!));
      return `${name} off by ${[0.5, 0.95, 1].map((share) => quantile(off, share).toFixed(4)).join(' / ')}`;
    };
    console.log(
      `  ${cache} cache, ${written.length} answers (scores have a standard deviation of ${deviation.toFixed(2)}); median / 95 % / largest: ${told('score')}; ${told('probability')}`,
    );
  } finally {
    await server.stop();
  }
}
