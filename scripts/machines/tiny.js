/** Writes the tiny float32 models that the other machines run: `node scripts/machines/tiny.js FOLDER` */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeTinyModel } from '../../dist/test/support/tiny-models.js';

const CHAT = '{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}<assistant>';
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
for (const architecture of ['llama', 'gemma3'])
  await writeTinyModel(join(folder, `${architecture}.gguf`), { architecture, chatTemplate: CHAT });
