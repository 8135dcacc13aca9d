/**
 * What the model answers with its H-Neurons switched off, as they are, and doubled.
 *
 *     node dist/examples/steer.js [DETECTOR] [MODEL] [QUESTION]
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
  console.log(`${detector.hNeurons.length} H-Neurons`);
  for (const alpha of [0, 1, 2]) {
    const { text, risk } = await model.answer(question, { detector, alpha, maxTokens: 32 });
    console.log(`alpha ${alpha}: ${text.trim()}  (${risk?.verdict})`);
  }
} finally {
  await model.close();
}
