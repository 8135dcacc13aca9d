import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { openEngine } from '../../src/engine/index.js';
import { checkDefaults } from '../../src/engine/native/abi.js';
import { locateLibraries } from '../../src/engine/native/locate.js';
import { nativeProcesses, openTiny, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();

it('a crash of the native process is an error that names the file, and this process lives on', async () => {
  const before = nativeProcesses();
  const { tiny, engine } = await openTiny(folder, { architecture: 'llama' });
  const pid = nativeProcesses().find((p) => !before.includes(p))!;
  const reading = engine.read({
    next: () => ({ id: 'x', tokens: someTokens(400, 250, 1), masks: [] }),
    onResult: () => {
      process.kill(pid, 'SIGSEGV');
    },
  });
  await expectUserError(() => reading, /SIGSEGV/, /reading neurons/, new RegExp(tiny.path));
  await expectUserError(() => engine.logits([1]), /SIGSEGV/);
});

it('a file that makes llama.cpp itself fail is an error that names the file', async () => {
  const { path } = await writeTinyModel(join(folder, 'whole.gguf'), { architecture: 'llama' });
  // The reader here has nothing against the name of an unknown tokenizer; llama.cpp has.
  const bytes = readFileSync(path);
  const at = bytes.indexOf('tokenizer.ggml.model') + 'tokenizer.ggml.model'.length + 4 + 8;
  bytes.write('zzzzz', at);
  const bad = join(folder, 'bad-tokenizer.gguf');
  writeFileSync(bad, bytes);
  await expectUserError(() => openEngine({ modelPath: bad, device: 'cpu' }), /bad-tokenizer\.gguf/);
});

it('an aborted signal ends the process at once', async () => {
  const controller = new AbortController();
  const { engine } = await openTiny(folder, { architecture: 'llama' }, { signal: controller.signal });
  const endless = engine.read({
    next: () => ({ id: 'x', tokens: someTokens(400, 250, 1), masks: [] }),
    onResult: () => controller.abort(new Error('enough')),
  });
  await assert.rejects(endless, /enough/);
});

it('the caller stays responsive while the model works', async () => {
  const { engine } = await openTiny(folder, { architecture: 'llama', hidden: 256, ffn: 512 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 2);
  let left = 10;
  await engine.read({
    next: () =>
      left-- > 0 ? { id: String(left), tokens: someTokens(400, 250, left), masks: [] } : undefined,
    onResult: () => {},
  });
  clearInterval(timer);
  assert.ok(ticks > 5, `${ticks} ticks`);
});

it("a user's own library folder: used when it fits, refused clearly when it does not", async () => {
  const stock = locateLibraries('cpu');
  assert.equal(locateLibraries('auto', stock.folder).llama, stock.llama);
  const { path } = await writeTinyModel(join(folder, 'own.gguf'), { architecture: 'llama' });
  const own = await openEngine({ modelPath: path, device: 'cpu', library: stock.folder });
  await own.close();

  const empty = join(folder, 'empty');
  mkdirSync(empty);
  await expectUserError(
    () => openEngine({ modelPath: path, library: empty }),
    /No llama.cpp libraries in .*empty/,
  );
  const broken = join(folder, 'broken');
  mkdirSync(broken);
  for (const name of [stock.llama, stock.ggml, stock.ggmlBase])
    writeFileSync(join(broken, name.slice(stock.folder.length + 1)), 'not a library');
  await expectUserError(
    () => openEngine({ modelPath: path, library: broken }),
    /Cannot load llama.cpp from .*broken/,
  );
});

it('other struct layouts are refused with what was expected', async () => {
  const model = { n_gpu_layers: -1, split_mode: 1, main_gpu: 0, vocab_only: false, check_tensors: false };
  await expectUserError(
    () => checkDefaults('9.9.9', '/opt/llama', model, { n_ctx: 0 }),
    /\/opt\/llama.*9\.9\.9.*n_ctx reads 0, expected 512/,
  );
  await expectUserError(
    () => checkDefaults('9.9.9', '/opt/llama', { ...model, split_mode: 0 }, {}),
    /split_mode reads 0, expected 1/,
  );
});

it('a GPU that is not there is refused with what to install', async () => {
  const { path } = await writeTinyModel(join(folder, 'gpu.gguf'), { architecture: 'llama' });
  await expectUserError(() => openEngine({ modelPath: path, device: 'cuda' }), /cuda/);
});
