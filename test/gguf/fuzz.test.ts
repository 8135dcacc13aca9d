import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspectModel } from '../../src/engine/gguf/model.js';
import { readGguf } from '../../src/engine/gguf/read.js';
import { UserError } from '../../src/errors.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();

/**
 * Puts `bytes` into the file at `path` and reads it; true where it could be read and described. Anything else but a
 * UserError of one line fails.
 */
async function survives(
  path: string,
  patches: [at: number, bytes: Uint8Array][],
  what: string,
): Promise<boolean> {
  const fd = openSync(path, 'r+');
  const before = patches.map(([at, bytes]) => {
    const old = Buffer.alloc(bytes.length);
    readSync(fd, old, 0, old.length, at);
    writeSync(fd, bytes, 0, bytes.length, at);
    return [at, old] as const;
  });
  try {
    const { layers, ffn } = inspectModel(await readGguf(path));
    assert.ok(Number.isInteger(layers * ffn), `${what}: sizes are no numbers`);
    return true;
  } catch (error) {
    if (error instanceof UserError && !/[\n\r]/.test(error.message)) return false;
    throw new Error(`${what}: ${(error as Error).stack}`);
  } finally {
    for (const [at, old] of before.reverse()) writeSync(fd, old, 0, old.length, at);
    closeSync(fd);
  }
}

describe('a damaged file is read or refused in one line', async () => {
  const path = join(folder, 'model.gguf');
  await writeTinyModel(path, {
    architecture: 'gemma3',
    layers: 1,
    hidden: 32,
    ffn: 32,
    chatTemplate: '{{ messages }}',
  });
  const { dataOffset: headerBytes, fileSize } = await readGguf(path);
  const random = seededRandom(11);
  const original = readFileSync(path);

  it('is undamaged to begin with', async () => assert.ok(await survives(path, [], 'whole')));

  it('with single bits flipped in the header', async () => {
    let read = 0;
    for (let i = 0; i < 1500; i++) {
      const at = Math.floor(random() * headerBytes);
      const bit = Math.floor(random() * 8);
      const flipped = Uint8Array.of(original[at] ^ (1 << bit));
      if (await survives(path, [[at, flipped]], `bit ${bit} of byte ${at}`)) read++;
    }
    // Most of the header is text and numbers of the vocabulary, which may be anything.
    assert.ok(read > 300 && read < 1500, `${read} of 1500 could be read`);
  });

  it('with random and extreme bytes strewn over the header', async () => {
    for (let i = 0; i < 1000; i++) {
      const patches = Array.from({ length: 1 + (i % 16) }, (): [number, Uint8Array] => [
        4 + Math.floor(random() * (headerBytes - 4)),
        Uint8Array.of([0, 255, 127, 128, Math.floor(random() * 256)][Math.floor(random() * 5)]),
      ]);
      await survives(path, patches, `round ${i}`);
    }
  });

  it('with every length and type field made extreme in turn, and no large allocation', async () => {
    const before = process.resourceUsage().maxRSS;
    const extreme = Buffer.alloc(8);
    for (let at = 4; at + 8 <= headerBytes; at += 7) {
      for (const value of [2n ** 64n - 1n, 2n ** 31n, 2n ** 53n, BigInt(fileSize)]) {
        extreme.writeBigUInt64LE(value);
        await survives(path, [[at, extreme]], `${value} at byte ${at}`);
      }
    }
    assert.ok(process.resourceUsage().maxRSS - before < 100_000, 'peak memory grew by 100 MB or more');
  });

  it('cut off anywhere: always refused', async () => {
    assert.deepEqual(readFileSync(path), original, 'all damage was undone');
    for (let length = fileSize - 32; length >= 0; length -= length < headerBytes ? 13 : 997) {
      truncateSync(path, length);
      assert.ok(!(await survives(path, [], `cut to ${length}`)), `cut to ${length} bytes`);
    }
  });
});
