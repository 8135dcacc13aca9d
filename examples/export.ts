/**
 * The H-Neurons at an alpha, for other programs: an adapter for llama.cpp, a model with alpha baked in, the list of neurons.
 *
 *     node dist/examples/export.js [DETECTOR] [MODEL] [FOLDER]
 *
 * The copy of the model takes as much room as the model; the default folder is below runs/, which git ignores.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Detector, Model } from 'hneurons';

const [path = 'runs/gemma-3-270m-builtin/detector.json', name = 'gemma-3-270m', folder = 'runs/exported'] =
  process.argv.slice(2);
const detector = await Detector.load(path);
const model = await Model.open(name, { threads: 1 });
await mkdir(folder, { recursive: true });
try {
  for (const [as, file] of [
    ['gguf-lora', 'adapter.gguf'],
    ['gguf-baked', 'model.gguf'],
    ['neurons', 'neurons'],
  ] as const) {
    const alpha = as === 'neurons' ? undefined : 0.5;
    const files = await detector.export({ as, model, alpha, out: join(folder, file) });
    console.log(`${as}: ${files.join(', ')}`);
  }
} finally {
  await model.close();
}
