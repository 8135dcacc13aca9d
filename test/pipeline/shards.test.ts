import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Engine, ReadJob } from '../../src/engine/index.js';
import { openSafetensors } from '../../src/formats/safetensors.js';
import { type FeatureType, showsResidual, writePlan } from '../../src/pipeline/feature-file.js';
import { mergeShards, openShards } from '../../src/pipeline/merge.js';
import { casePlan, planBlocks, planPrefix, type ReadPlan } from '../../src/pipeline/read-plan.js';
import { shardNames, writeShard } from '../../src/pipeline/shards.js';
import { openTiny, readAll, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const { engine, tiny } = await openTiny(folder, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
const { vocab, layers, ffn, hidden } = tiny.config;
const plan = await somePlan(150);
/** For what does not depend on the rows. */
const few: ReadPlan = { ...plan, rows: plan.rows.slice(0, 4) };
const quiet = () => {};

async function somePlan(count: number): Promise<ReadPlan> {
  const prefix = someTokens(11, vocab, 1);
  const cases = Array.from({ length: count }, (_, i) => {
    const token_ids = [...prefix, ...someTokens(12 + ((i * 7) % 31), vocab, i + 2)];
    const answer_start = token_ids.length - 1 - (i % 4);
    const question_start = i % 9 === 0 ? null : 11;
    const question_end = question_start === null ? null : 11 + (i % 6) + 1;
    return {
      id: String(i),
      token_ids,
      answer_start,
      answer_end: token_ids.length - (i % 2),
      question_start,
      question_end,
    };
  });
  return casePlan(cases, { question: true, residual: await showsResidual(engine) });
}

/** Where an extraction of all rows goes. */
const target = (name: string, type: FeatureType = 'float32') => ({
  path: join(folder, `${name}.safetensors`),
  donePath: join(folder, `${name}.done.jsonl`),
  type,
  metadata: { key: 'k' },
});

async function shard(
  name: string,
  index: number,
  count: number,
  more: Partial<Parameters<typeof writeShard>[0]> = {},
) {
  const notes: string[] = [];
  const written = await writeShard({
    engine,
    plan,
    out: join(folder, `${name}.safetensors`),
    shard: { index, count },
    type: 'float32',
    metadata: { key: 'k' },
    modelHash: 'm',
    onProgress: quiet,
    onNotice: (note) => notes.push(note),
    ...more,
  });
  return { ...written, notes };
}

async function merge(name: string) {
  const set = await openShards(join(folder, `${name}.safetensors`));
  return mergeShards(set, join(folder, `${name}.done.jsonl`), quiet);
}

/** An engine that is cut off while it gives out its n-th result. */
function cutOff(whole: Engine, after: number): Engine {
  let results = 0;
  return {
    ...whole,
    read: (job: ReadJob) =>
      whole.read({
        ...job,
        onResult: (result) => {
          if (++results > after) throw new Error('cut off');
          job.onResult(result);
        },
      }),
  };
}

await writePlan(engine, plan, target('whole'), quiet);
const whole = readFileSync(target('whole').path);

describe('features of one extraction', () => {
  it('each row is what its case gives when it is read alone', async () => {
    const { tensors } = await openSafetensors(target('whole').path);
    assert.deepEqual([...tensors.keys()], ['answer', 'other', 'question', 'residual']);
    const row = (name: string, at: number) => {
      const { offset, shape } = tensors.get(name)!;
      const bytes = whole.subarray(offset + at * shape[1] * 4, offset + (at + 1) * shape[1] * 4);
      return new Float32Array(Uint8Array.from(bytes).buffer);
    };
    for (const at of [0, 1, 77, 149]) {
      const { tokens, masks } = plan.rows[at][0];
      const [alone] = await readAll(engine, [{ id: 'one', tokens, masks }], { residual: 0 });
      const expected = {
        answer: alone.means[0],
        other: alone.means[1],
        question: alone.means[2],
        residual: alone.residual!,
      };
      for (const [name, values] of Object.entries(expected)) {
        assert.equal(values.length, layers * (name === 'residual' ? hidden : ffn));
        row(name, at).forEach((value, j) => {
          assert.ok(Math.abs(value - values[j]) < 1e-4, `${name} ${at} ${j}: ${value} ${values[j]}`);
        });
      }
    }
    assert.ok(
      row('question', 0).every((value) => value === 0),
      'the question of case 0 is not known',
    );
  });

  it('float16 rows are the float32 ones, rounded, in half the room', async () => {
    await writePlan(engine, plan, target('half', 'float16'), quiet);
    const half = readFileSync(target('half').path);
    const { tensors } = await openSafetensors(target('half').path);
    const full = await openSafetensors(target('whole').path);
    for (const [name, { offset, bytes, dtype }] of tensors) {
      assert.equal(dtype, 'F16');
      const { encodeHalvesHeld } = await import('../../src/formats/float16.js');
      const source = full.tensors.get(name)!;
      assert.equal(bytes, source.bytes / 2);
      const values = new Float32Array(
        Uint8Array.from(whole.subarray(source.offset, source.offset + source.bytes)).buffer,
      );
      const expected = new Uint16Array(values.length);
      encodeHalvesHeld(values, expected);
      assert.ok(half.subarray(offset, offset + bytes).equals(new Uint8Array(expected.buffer)), name);
    }
  });

  it('cut off at any place and resumed, it ends in the same bytes', async () => {
    const [first] = planBlocks(plan, planPrefix(plan).length);
    for (const after of [1, first[1] + 3, 149]) {
      const { path, donePath, ...rest } = target(`cut-${after}`);
      await assert.rejects(
        async () => writePlan(cutOff(engine, after), plan, { path, donePath, ...rest }, quiet),
        /cut off/,
      );
      await writePlan(engine, plan, { path, donePath, ...rest }, quiet);
      assert.ok(readFileSync(path).equals(whole), `cut off after ${after}`);
    }
  });
});

describe('shards', () => {
  it('merged, they are the file of one extraction, byte for byte, however many there are', async () => {
    for (const count of [1, 3, 7]) {
      const name = `n${count}`;
      for (let index = 0; index < count; index++) await shard(name, index, count);
      const { rows } = await merge(name);
      assert.equal(rows, 150);
      assert.ok(readFileSync(target(name).path).equals(whole), `${count} shards`);
    }
  });

  it('a quantised model gives the same bytes too, as blocks are always read in the same way', async () => {
    const { engine: small } = await openTiny(folder, { architecture: 'llama', weightType: 'q8_0' });
    const some = await somePlan(60);
    await writePlan(small, some, target('q8'), quiet);
    for (const index of [0, 1]) await shard('q8-shards', index, 2, { engine: small, plan: some });
    await merge('q8-shards');
    assert.ok(readFileSync(target('q8-shards').path).equals(readFileSync(target('q8').path)));
  });

  it('a shard that was cut off goes on; a finished one is not read again', async () => {
    await assert.rejects(async () => shard('resumed', 1, 2, { engine: cutOff(engine, 30) }), /cut off/);
    await expectUserError(() => merge('resumed'), /of the 2 shards .* 2 are missing: 0, 1 \(half done\);/);
    await shard('resumed', 1, 2);
    await shard('resumed', 0, 2);
    assert.equal((await shard('resumed', 0, 2, { engine: cutOff(engine, 0) })).rows > 0, true);
    await merge('resumed');
    assert.ok(readFileSync(target('resumed').path).equals(whole));
  });

  it('float16 shards are merged as well, and what float16 cannot hold is counted', async () => {
    const loud: Engine = {
      ...engine,
      read: (job) =>
        engine.read({
          ...job,
          onResult: (result) => {
            if (job.residual !== undefined) result.residual![5] = result.id === '3' ? -1e6 : 1;
            job.onResult(result);
          },
        }),
    };
    const { held } = await writePlan(loud, plan, target('loud', 'float16'), quiet);
    const blocks = planBlocks(plan, planPrefix(plan).length).length;
    assert.equal(held, blocks, 'one in each block');
    for (const index of [0, 1, 2]) await shard('loud-shards', index, 3, { engine: loud, type: 'float16' });
    assert.equal((await merge('loud-shards')).held, held);
    assert.ok(readFileSync(target('loud-shards').path).equals(readFileSync(target('loud').path)));
  });

  it('files of something else are moved aside, with a note', async () => {
    await shard('moved', 0, 1, { plan: few });
    const { notes } = await shard('moved', 0, 1, { plan: few, metadata: { key: 'other' } });
    assert.match(notes[0], /moved\.shard-0-of-1\.safetensors was made from something else: .*previous/);
    assert.equal((await openShards(target('moved').path)).key, 'other');
  });
});

describe('merge refuses, and says why,', () => {
  const path = (name: string, index: number, count = 2) =>
    shardNames(target(name).path, { index, count }).path;

  it('shards that do not belong together', async () => {
    await shard('mix', 0, 2, { plan: few });
    const other: [Partial<Parameters<typeof writeShard>[0]>, RegExp][] = [
      [{ modelHash: 'another' }, /different models/],
      [{ metadata: { key: 'z' } }, /different cases/],
      [{ engine: { ...engine, model: { ...engine.model, libraryVersion: '9' } } }, /versions of llama\.cpp/],
      [{ type: 'float16' }, /float16 and float32/],
      [{ plan: { ...few, residual: false } }, /different tensors/],
      [{ plan: { ...few, rows: few.rows.slice(1) } }, /do not follow one another/],
    ];
    for (const [change, reason] of other) {
      rmSync(path('mix', 1), { force: true });
      await shard('mix', 1, 2, { plan: few, ...change });
      await expectUserError(() => merge('mix'), /shard-0-of-2.* and mix\.shard-1-of-2/, reason);
    }
    await shard('mix', 2, 3, { plan: few });
    await expectUserError(() => merge('mix'), /shards of 2 and of 3 parts/);
  });

  it('shards that are missing, damaged, cut short or no shards at all', async () => {
    await expectUserError(() => merge('nothing'), /there is no shard of .*nothing\.safetensors/);
    for (const index of [0, 1]) await shard('bad', index, 2, { plan: few });
    const good = readFileSync(path('bad', 1));
    const damage: [Buffer, RegExp][] = [
      [
        good.subarray(0, good.length - 1),
        /shard-1-of-2.*damaged safetensors file: tensor "residual" ends at/,
      ],
      [good.subarray(0, 5), /shard-1-of-2.*not a safetensors file/],
      [Buffer.alloc(0), /shard-1-of-2.*not a safetensors file/],
      [Buffer.concat([good.subarray(0, 8), Buffer.from('x'), good.subarray(9)]), /shard-1-of-2.*not JSON/],
      [whole, /shard-1-of-2.*no shard of this version/],
      [
        Buffer.from(good.toString('latin1').replace('"rows":"', '"rows":"9'), 'latin1').subarray(
          0,
          good.length,
        ),
        /shard-1-of-2/,
      ],
    ];
    for (const [bytes, reason] of damage) {
      writeFileSync(path('bad', 1), bytes);
      await expectUserError(() => merge('bad'), reason);
    }
    rmSync(path('bad', 1));
    await expectUserError(
      () => merge('bad'),
      /of the 2 shards .* 1 is missing: 1; run: hneurons extract --shard 1\/2/,
    );
  });
});
