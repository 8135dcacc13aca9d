/**
 * The reverse proxy in front of another make of server: answers must come through unchanged, whole and streamed, each with a score.
 *
 *     llama-server -m MODEL.gguf --port 8081                                  # or: vllm serve NAME, transformers serve NAME
 *     node dist/bench/risk/upstream.js --url http://127.0.0.1:8081/v1 --served NAME --model MODEL --detector DETECTOR [--questions 6]
 */
import { parseArgs } from 'node:util';
import OpenAI from 'openai';
import { openEngine } from '../../src/engine/index.js';
import { modelSha256, resolveModel } from '../../src/models/index.js';
import { readDetector } from '../../src/pipeline/detector.js';
import { identifyModel } from '../../src/pipeline/run.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { type AnswerRisk, readHeldOutAnswers } from '../../src/risk/index.js';
import { DEFAULT_SETTINGS, startServer } from '../../src/server/serve.js';
import { openUpstream } from '../../src/server/upstream.js';
import { derive, shuffle } from '../../src/stats/random.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    served: { type: 'string' },
    model: { type: 'string' },
    detector: { type: 'string' },
    questions: { type: 'string', default: '6' },
  },
});
const { url, served, model: spec, detector: path } = values;
if (!url || !served || !spec || !path) {
  console.error(
    'Usage: node dist/bench/risk/upstream.js --url URL --served NAME --model MODEL --detector DETECTOR',
  );
  process.exit(2);
}
const detector = await readDetector(path);
const found = await resolveModel(spec);
const { identity } = await identifyModel(found, { openEngine, modelSha256 });
const proxy = await startServer({
  open: () => openEngine({ modelPath: found.path, device: 'cpu', threads: 1 }),
  model: identity,
  served: { detector, path, heldOut: await readHeldOutAnswers(path, detector) },
  upstream: openUpstream({ url, model: served }),
  settings: DEFAULT_SETTINGS,
  ...{ host: '127.0.0.1', port: 0, version: 'bench' },
  say: console.error,
});
const connect = (baseURL: string) => new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
const direct = connect(url);
const through = connect(`${proxy.url}/v1`);
const questions = shuffle(derive(1, 'upstream'), builtinQuestions()).slice(0, Number(values.questions));
const counts = { whole: 0, streamed: 0, scored: 0, same: 0, chunks: 0 };
try {
  for (const { question } of questions) {
    const ask = {
      model: served,
      messages: [{ role: 'user' as const, content: question }],
      temperature: 0,
      max_tokens: 24,
    };
    const expected = (await direct.chat.completions.create(ask)).choices[0].message.content;
    const [whole] = (await through.chat.completions.create(ask)).choices;
    if (whole.message.content === expected) counts.whole++;
    const { hneurons } = whole as unknown as { hneurons: AnswerRisk };
    if (hneurons.probability !== null) counts.scored++;
    let text = '';
    let streamed: AnswerRisk | undefined;
    for await (const { choices } of await through.chat.completions.create({ ...ask, stream: true })) {
      counts.chunks++;
      text += choices[0]?.delta.content ?? '';
      streamed = (choices[0] as unknown as { hneurons?: AnswerRisk })?.hneurons ?? streamed;
    }
    if (text === expected) counts.streamed++;
    if (streamed?.probability === hneurons.probability) counts.same++;
    console.log(
      `${question} -> ${JSON.stringify(expected)}  ${hneurons.verdict} ${hneurons.probability?.toFixed(2)}`,
    );
  }
  console.log(
    `of ${questions.length}: whole answers unchanged ${counts.whole}, streamed ones ${counts.streamed} (${counts.chunks} chunks), ` +
      `scored ${counts.scored}, streamed score equal ${counts.same}`,
  );
} finally {
  await proxy.close(0);
}
