/**
 * Greedy tokens of prompts under an adapter, by the npm package node-llama-cpp:
 *   node node-llama-cpp.mjs MODEL.gguf ITEMS.json OUT.json [ADAPTER.gguf SCALE]
 * To be run in a folder where the package is installed. ITEMS: {steps, items: [[token, ...], ...]}; OUT: for each item the tokens (-1 where one
 * ended the text), and token and log p of all first tokens above 1e-6.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { getLlama } from 'node-llama-cpp';

const [modelPath, itemsPath, out, adapter, scale] = process.argv.slice(2);
const { steps, items } = JSON.parse(readFileSync(itemsPath, 'utf8'));
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: 1,
  logLevel: 'error',
});
const model = await llama.loadModel({ modelPath });
const TOGETHER = 1;
const context = await model.createContext({
  contextSize: 512,
  sequences: TOGETHER,
  threads: 1,
  flashAttention: false,
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32',
  ...(adapter && { lora: { adapters: [{ filePath: adapter, scale: Number(scale) }] } }),
});

const sequences = Array.from({ length: TOGETHER }, () => context.getSequence());

async function answer(tokens, sequence) {
  await sequence.clearHistory();
  const said = [];
  const options = { temperature: 0, yieldEogToken: true };
  const add = (token) => {
    const ended = model.isEogToken(token);
    return said.push(ended ? -1 : token) === steps || ended;
  };
  // All probabilities are wanted of the first token only: of a large vocabulary they take long.
  let start;
  let first;
  for await (const { token, probabilities } of sequence.evaluateWithMetadata(
    tokens,
    { probabilities: true },
    options,
  )) {
    first = [...probabilities].filter(([, p]) => p > 1e-6).map(([id, p]) => [id, Math.log(p)]);
    start = token;
    break;
  }
  if (!add(start)) {
    for await (const token of sequence.evaluate([start], options)) if (add(token)) break;
  }
  return { tokens: said, first };
}

const results = [];
for (let i = 0; i < items.length; i += TOGETHER) {
  const some = items.slice(i, i + TOGETHER).map((tokens, k) => answer(tokens, sequences[k]));
  results.push(...(await Promise.all(some)));
}
writeFileSync(out, JSON.stringify(results));
await llama.dispose();
