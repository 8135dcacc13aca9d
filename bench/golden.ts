/**
 * Exactness of the engine against PyTorch: node dist/bench/golden.js MODEL.gguf GOLDEN_FOLDER
 * Makes a float32 copy of the model with llama.cpp's own quantiser, then compares token ids, mean CETT for each case
 * and mask, column norms, logits, and logits under alpha. Exits with 1 when a tolerance is missed.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertToFloat32, type Engine, openEngine } from '../src/engine/index.js';
import { loadNpy } from '../src/formats/npy.js';

interface Golden {
  cases: {
    prompt: string;
    answer: string;
    suffix: string;
    token_ids: number[];
    answer_start: number;
    answer_end: number;
  }[];
  neurons: [layer: number, index: number][];
  alphas: number[];
  shape: [layers: number, ffn: number];
}

const TOLERANCE = { cosine: 2e-6, cett: 2e-3, logits: 0.15 };

const [modelPath, folder] = process.argv.slice(2);
if (!modelPath || !folder) {
  console.error('usage: node dist/bench/golden.js MODEL.gguf GOLDEN_FOLDER');
  process.exit(2);
}
const golden: Golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8'));
let passed = 0;
let failed = 0;

function check(name: string, ok: boolean, figures: string): void {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok  ' : 'MISS'} ${name.padEnd(24)} ${figures}`);
}

async function floats(name: string): Promise<ArrayLike<number>> {
  return (await loadNpy(join(folder, name))).data as ArrayLike<number>;
}

function compare(got: ArrayLike<number>, want: ArrayLike<number>) {
  let dot = 0;
  let gg = 0;
  let ww = 0;
  let largest = got.length === want.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < want.length; i++) {
    dot += got[i] * want[i];
    gg += got[i] * got[i];
    ww += want[i] * want[i];
    largest = Math.max(largest, Math.abs(got[i] - want[i]));
  }
  return { cosine: 1 - dot / Math.sqrt(gg * ww), largest };
}

function checkCett(name: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  const { cosine, largest } = compare(got, want);
  const ok = cosine <= TOLERANCE.cosine && largest <= TOLERANCE.cett;
  check(name, ok, `1 - cosine ${cosine.toExponential(1)}, largest difference ${largest.toExponential(1)}`);
}

function checkLogits(name: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  const { largest } = compare(got, want);
  check(name, largest <= TOLERANCE.logits, `largest difference ${largest.toFixed(4)}`);
}

async function checkAll(engine: Engine): Promise<void> {
  for (const [i, item] of golden.cases.entries()) {
    const text = item.prompt + item.answer + item.suffix;
    const [tokens] = await engine.tokenize([text], { special: true, bos: true });
    check(`case ${i} token ids`, tokens.join() === item.token_ids.join(), `${tokens.length} tokens`);
  }
  checkCett('column norms', await engine.columnNorms(), await floats('column_norms.npy'));
  const means = new Map<string, Float32Array[]>();
  let next = 0;
  await engine.read({
    next: () => {
      const item = golden.cases[next];
      if (!item) return undefined;
      const { token_ids: tokens, answer_start: start, answer_end: end } = item;
      return {
        id: String(next++),
        tokens,
        masks: [
          [[start, end]],
          [
            [0, start],
            [end, tokens.length],
          ],
        ],
      };
    },
    onResult: (result) => {
      means.set(result.id, result.means);
    },
  });
  for (const [i, item] of golden.cases.entries()) {
    const [answer, other] = means.get(String(i))!;
    checkCett(`case ${i} answer`, answer, await floats(`case${i}.answer.npy`));
    checkCett(`case ${i} other`, other, await floats(`case${i}.other.npy`));
    checkLogits(`case ${i} logits`, await engine.logits(item.token_ids), await floats(`case${i}.logits.npy`));
  }
  const neurons = golden.neurons.map(([layer, index]) => layer * golden.shape[1] + index);
  for (const alpha of golden.alphas) {
    const got = await engine.logits(golden.cases[0].token_ids, { neurons, alpha });
    checkLogits(`alpha ${alpha} logits`, got, await floats(`alpha_${alpha.toFixed(1)}.logits.npy`));
  }
}

const scratch = await mkdtemp(join(tmpdir(), 'hneurons-golden-'));
try {
  const copy = join(scratch, 'float32.gguf');
  await convertToFloat32(modelPath, copy);
  const engine = await openEngine({ modelPath: copy, device: 'cpu' });
  try {
    await checkAll(engine);
  } finally {
    await engine.close();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
