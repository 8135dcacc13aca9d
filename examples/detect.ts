/**
 * How likely are these answers made up?
 *
 *     node dist/examples/detect.js [DETECTOR] [MODEL]
 */
import { Detector, Model } from 'hneurons';

const [path = 'runs/gemma-3-270m-builtin/detector.json', name = 'gemma-3-270m'] = process.argv.slice(2);
const detector = await Detector.load(path);
const model = await Model.open(name, { threads: 1 });
try {
  const risks = await detector.score(model, [
    { question: 'What is the capital of Peru?', answer: 'Lima' },
    { question: 'What is the capital of Peru?', answer: 'Arequipa' },
  ]);
  for (const { answerSpan, probability, interval, verdict, spans } of risks) {
    console.log(`${answerSpan?.text}: ${verdict}, made up with probability ${percent(probability)}`);
    console.log(`  95 % interval ${interval?.map(percent).join(' to ')}`);
    for (const { text, risk } of spans) console.log(`  ${percent(risk)}  ${text}`);
  }
} finally {
  await model.close();
}

function percent(share: number | null): string {
  return share === null ? 'unknown' : `${Math.round(100 * share)} %`;
}
