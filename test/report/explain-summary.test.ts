import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summariseCards } from '../../src/report/explain/summary.js';
import { someExplain } from '../support/explain.js';

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
