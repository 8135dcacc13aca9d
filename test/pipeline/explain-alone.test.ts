import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ComplianceTest, measureAlone } from '../../src/pipeline/explain/alone.js';
import { summariseCards } from '../../src/report/explain/summary.js';
import { someExplain } from '../support/explain.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

/** Complies on every fourth item; without neuron 7 on every second one; without neuron 8 it is as before. */
function knownTest(asked: string[] = [], most = Number.POSITIVE_INFINITY): ComplianceTest {
  return {
    name: 'a test',
    identity: 'one',
    items: Array.from({ length: 40 }, (_, i) => `item ${i}`),
    async ask(items, steering, onItem) {
      assert.ok(steering === undefined || (steering.alpha === 0 && steering.neurons.length === 1));
      for (const id of [...items].reverse()) {
        if (asked.length >= most) throw new Error('cut off');
        asked.push(`${steering?.neurons[0]} ${id}`);
        onItem(id, Number(id.slice(5)) % (steering?.neurons[0] === 7 ? 2 : 4) === 0);
      }
    },
  };
}

const measure = (compliance: ComplianceTest, name: string, neurons = [8, 7], seen: number[][] = []) =>
  measureAlone({
    test: compliance,
    neurons,
    key: 'k',
    path: join(folder, name),
    onProgress: (done, total) => seen.push([done, total]),
  });

test('each neuron is off alone, and compared item by item with the model as it is', async () => {
  const seen: number[][] = [];
  const { benchmark, alone } = await measure(knownTest(), 'whole.jsonl', [8, 7], seen);
  assert.deepEqual([benchmark.name, benchmark.items, benchmark.complies.estimate], ['a test', 40, 0.25]);
  const [same, more] = alone.map((one) => one!);
  assert.deepEqual([same.gained, same.lost, same.p, same.change.estimate], [0, 0, 1, 0]);
  assert.deepEqual([more.gained, more.lost, more.change.estimate], [10, 0, 0.25]);
  assert.equal(more.complies.estimate, 0.5);
  assert.ok(more.p < 0.01 && more.change.low > 0);
  assert.deepEqual(seen[0], [0, 120]);
  assert.deepEqual(seen.at(-1), [120, 120]);
});

test('cut off, it goes on with what is missing; another neuron shares the plain answers', async () => {
  const whole = await measure(knownTest(), 'whole.jsonl');
  await assert.rejects(measure(knownTest([], 55), 'cut.jsonl'), /cut off/);
  const path = join(folder, 'cut.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, -10));
  const asked: string[] = [];
  assert.deepEqual(await measure(knownTest(asked), 'cut.jsonl'), whole);
  assert.equal(asked.length, 120 - 54);
  asked.length = 0;
  await measure(knownTest(asked), 'cut.jsonl', [9]);
  assert.equal(asked.length, 40);
});

test('the words follow from the cards', () => {
  const found = someExplain(4);
  assert.match(
    summariseCards(found),
    /stand out .*: 4 of 4 neurons have some\. .* changes in 2 of 4: .*made-up.*: 4 of 4\. .*off alone: 0 of 3, .* up to 0\.2: .* mostly within noise\.$/,
  );
  const [first, ...rest] = found.cards;
  const moved = { ...first, alone: { ...first.alone!, p: 0.01 } };
  assert.match(
    summariseCards({ ...found, cards: [moved, ...rest], lens: { ...found.lens, chance: 7 } }),
    /: 0 of 4 neurons have some; the lists of the others .*off alone: 1 of 3, where chance alone gives up to 0\.2\.$/,
  );
  const untested = found.cards.map((card) => ({ ...card, alone: null }));
  assert.doesNotMatch(summariseCards({ ...found, cards: untested }), /switched off/);
});
