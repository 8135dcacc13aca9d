/**
 * An answer as it is written, each token with its risk.
 *
 *     node dist/examples/stream-with-risk.js [DETECTOR] [MODEL] [QUESTION]
 */
import { Detector, Model } from 'hneurons';

const [
  path = 'runs/gemma-3-270m-builtin/detector.json',
  name = 'gemma-3-270m',
  question = 'What is the capital of Peru?',
] = process.argv.slice(2);
const detector = await Detector.load(path);
const model = await Model.open(name, { threads: 1 });
try {
  const stream = await model.stream(question, { detector, maxTokens: 64 });
  for await (const { text, risk = 0 } of stream) console.log(`${risk.toFixed(2)}  ${JSON.stringify(text)}`);
  const { text, risk } = await stream.answer;
  console.log(`${text.trim()}: ${risk?.verdict}`);
} finally {
  await model.close();
}
