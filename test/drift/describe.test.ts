import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { describeDrift } from '../../src/drift/describe.js';
import { type Inertia, testInertia } from '../../src/drift/inertia.js';
import { ranksOf, zScores } from '../../src/drift/rank.js';
import { OriginSchema } from '../../src/report/origin/schema.js';
import { summariseOrigin } from '../../src/report/origin/summary.js';
import { openWeights } from '../../src/weights/open.js';
import { writeBlockGguf } from '../support/block-files.js';
import { expectUserError } from '../support/expect-user-error.js';
import { FFN, LAYERS, type Moved, writeCheckpoint, writeFfnGguf } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
/** Every seventh neuron hardly moves. */
const still = Array.from({ length: 12 }, (_, i) => FFN * (i % LAYERS) + 7 * i);
const setting = { ffn: FFN, seed: 1 };

const checkpoint = (name: string, moved: Moved) => openWeights(writeCheckpoint(at(name), { moved }));

async function describePair(name: string, moved: Moved) {
  const base = await checkpoint('base', false);
  const found = await describeDrift(base, await checkpoint(name, moved), still, { seed: 1, threads: 1 });
  assert.ok(OriginSchema.shape.drift.parse(found.description));
  return { ...found, words: summariseOrigin({ drift: found.description, transfer: null, emergence: null }) };
}

describe('a matrix that did not move', () => {
  test('up: score and rank are of down alone', async () => {
    const { description, arrays, words } = await describePair('down-gate', ['down', 'gate']);
    const { up, down } = arrays.drift;
    assert.ok(up.every((value) => value === 0));
    assert.deepEqual(description.scored, ['down']);
    assert.deepEqual(arrays.score, zScores(down));
    assert.deepEqual(
      description.parts.map(({ median, drowned }) => [median > 0, drowned]),
      [
        [false, false],
        [true, false],
        [true, false],
      ],
    );
    assert.ok(description.inertia.layerMatched.p < 0.01);
    assert.match(words, /The weights of up did not move at all: the ranks are of down alone/);
  });

  test('up and down: the gate is what is left', async () => {
    const { description, arrays, words } = await describePair('gate', ['gate']);
    assert.deepEqual(description.scored, ['gate']);
    const ranks = ranksOf(arrays.drift.gate!);
    assert.deepEqual(description.inertia, testInertia(ranks, still, setting));
    assert.deepEqual(description.gate, description.inertia);
    assert.match(words, /The weights of up and down did not move at all: the ranks are of the gate/);
  });

  test('the gate: it is not tested', async () => {
    const { description, words } = await describePair('up-down', ['up', 'down']);
    assert.deepEqual(description.scored, ['up', 'down']);
    assert.equal(description.gate, null);
    assert.doesNotMatch(words, /did not move at all/);
  });

  test('none moved: refused', async () => {
    await expectUserError(() => describePair('same', false), /have the same FFN weights/);
  });
});

describe('how much of the drift can be rounding', () => {
  const file = async (name: string, more: Omit<Parameters<typeof writeFfnGguf>[1], 'fused'>) =>
    openWeights(await writeFfnGguf(at(`${name}.gguf`), more));
  const drowned = async (...pair: [Parameters<typeof file>, Parameters<typeof file>]) => {
    const [base, other] = [await file(...pair[0]), await file(...pair[1])];
    const { description } = await describeDrift(base, other, still, { seed: 1, threads: 1 });
    return {
      parts: description.parts.map((part) => part.drowned),
      words: summariseOrigin({ drift: description, transfer: null, emergence: null }),
    };
  };
  const exact = (moved: boolean) => ({ moved, type: 'F32' }) as const;

  test('all of it, where the weights are the same', async () => {
    const bf16 = { moved: false, type: 'BF16' } as const;
    const { parts, words } = await drowned(['a', exact(false)], ['b', bf16]);
    assert.deepEqual(parts, [true, true, true]);
    assert.match(words, /rounding alone can make much of the drift of up and gate and down/);
  });

  test('all of it in two layers of three, whatever the median over all of them', async () => {
    // The two moved layers are finely stored, so that few neurons stand above the floor in the others.
    const type = (layer: number, part: string) => (part === 'down' && layer > 0 ? 'Q4_0' : 'F32');
    const { parts } = await drowned(['a', exact(false)], ['c', { moved: false, type }]);
    assert.deepEqual(parts, [false, false, true]);
  });

  test('none, or little', async () => {
    const { parts, words } = await drowned(['a', exact(false)], ['d', exact(true)]);
    assert.deepEqual(parts, [false, false, false]);
    assert.doesNotMatch(words, /rounding/);
    const fine = { moved: true, type: 'Q8_0' } as const;
    assert.deepEqual((await drowned(['a', exact(false)], ['e', fine])).parts, [false, false, false]);
  });

  test('not known', async () => {
    const [base, other] = await Promise.all(
      [false, true].map(async (moved) =>
        openWeights(await writeBlockGguf(at(`iq-${moved}.gguf`), { type: 'IQ2_XXS', moved })),
      ),
    );
    const { description } = await describeDrift(base, other, [3, 50, 100], { seed: 1, threads: 1 });
    assert.ok(OriginSchema.shape.drift.parse(description));
    // The gate of these two is the same, and what did not move is not rounding either.
    assert.deepEqual(
      description.parts.map((part) => part.drowned),
      [null, false, null],
    );
    const words = summariseOrigin({ drift: description, transfer: null, emergence: null });
    assert.match(words, /How much of the drift of up and down can be rounding is not known/);
  });
});

test('steps are counted to the last', async () => {
  const [base, other] = [await checkpoint('base', false), await checkpoint('other', true)];
  const seen: number[][] = [];
  const onProgress = (...step: number[]) => seen.push(step);
  await describeDrift(base, other, still, { seed: 1, threads: 1, onProgress });
  // Three matrices in each layer are compared, and then each layer is searched for rounding.
  assert.deepEqual(
    seen,
    Array.from({ length: 4 * LAYERS }, (_, i) => [i + 1, 4 * LAYERS]),
  );
});

test('small neurons that took small steps moved less, though they turned as much as others', async () => {
  const { description } = await describePair('moved', true);
  const at = (inertia: Inertia, p: number) => ({
    ...inertia,
    layerMatched: { ...inertia.layerMatched, p },
  });
  const words = (plain: number, sized: number) =>
    summariseOrigin({
      drift: {
        ...description,
        inertia: at(description.inertia, plain),
        withoutNorms: at(description.withoutNorms, sized),
      },
      transfer: null,
      emergence: null,
    });
  const found = /They moved less when the size of their weights is allowed for \(p = \.01/;
  assert.match(words(0.5, 0.01), found);
  assert.match(words(0.99, 0.01), found);
  assert.doesNotMatch(words(0.5, 0.5), /size of their weights/);
});
