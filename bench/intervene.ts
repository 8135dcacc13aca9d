/**
 * Speed of decoding under an intervention against plain decoding, all in turn within one run: rows decoded a second, greedy, with no stop,
 * so that the same number of tokens is decoded whatever is said.
 *   node dist/bench/intervene.js --detector RUN/detector.json [--model gemma-3-270m] [--answers 48] [--tokens 24] [--repeats 3]
 *     [--threads N]
 */
import { parseArgs } from 'node:util';
import { openEngine } from '../src/engine/index.js';
import { commonPrefix } from '../src/engine/text/prompt.js';
import { PASSAGES } from '../src/intervene/fixed-text.js';
import { resolveModel } from '../src/models/resolve.js';
import { detectorNeurons, readDetector } from '../src/pipeline/detector.js';
import { hardware, median, spread } from './reference.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    detector: { type: 'string' },
    answers: { type: 'string', default: '48' },
    tokens: { type: 'string', default: '24' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string' },
  },
});
if (!options.detector) throw new Error('--detector is needed');
const model = await resolveModel(options.model);
const detector = await readDetector(options.detector);
const { neurons, weights } = detectorNeurons(detector);
const hNeurons = neurons.filter((_, i) => weights[i] > 0);
const engine = await openEngine({
  modelPath: model.path,
  device: 'cpu',
  threads: options.threads === undefined ? undefined : Number(options.threads),
});
const answers = Number(options.answers);
const prompts = await engine.tokenize(
  Array.from({ length: answers }, (_, i) => `${i + 1}. ${PASSAGES[i % PASSAGES.length].slice(0, 60)}`),
  { special: false, bos: true },
);

/** Rows through the model a second. */
async function rowsPerSecond(alpha: number): Promise<number> {
  let next = 0;
  const began = performance.now();
  const { decodedRows, promptRows } = await engine.sample({
    settings: {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      maxTokens: Number(options.tokens),
      stop: [],
      seed: 1,
      steering: { neurons: hNeurons, alpha },
    },
    prefix: commonPrefix(prompts),
    next: () => (next < answers ? { id: `${next}`, prompt: prompts[next++], samples: 1 } : undefined),
    onResult: () => {},
  });
  return (decodedRows + promptRows) / ((performance.now() - began) / 1000);
}

console.log(hardware());
console.log(
  `${model.name}, ${hNeurons.length} H-Neurons, ${answers} answers of ${options.tokens} tokens, ${options.repeats} rounds`,
);
const alphas = [0, 0.5, 2, 3];
await rowsPerSecond(1);
const plain: number[] = [];
const steered = new Map<number, number[]>(alphas.map((alpha) => [alpha, []]));
for (let round = 0; round < Number(options.repeats); round++) {
  plain.push(await rowsPerSecond(1));
  for (const alpha of alphas) steered.get(alpha)!.push(await rowsPerSecond(alpha));
}
console.log(`plain: ${spread(plain)} rows/s`);
for (const [alpha, speeds] of steered) {
  console.log(
    `alpha ${alpha}: ${spread(speeds)} rows/s, ${(median(speeds) / median(plain)).toFixed(2)}x plain`,
  );
}
await engine.close();
