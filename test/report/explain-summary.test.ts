import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complying } from '../../src/report/explain/complying.js';
import type { Card } from '../../src/report/explain/schema.js';
import { summariseCards } from '../../src/report/explain/summary.js';
import { explainSection } from '../../src/report/sections/explain.js';
import { wilsonInterval } from '../../src/stats/wilson.js';
import { someExplain } from '../support/explain.js';

test('the words follow from the cards', () => {
  const found = someExplain(4);
  assert.match(
    summariseCards(found),
    /stand out .*: 4 of 4 neurons have some\. .* changes in 2 of 4: .*made-up.*: 4 of 4\. .*off alone: none of 3, .* up to 0\.2: .* mostly within noise\.$/,
  );
  const [first, ...rest] = found.cards;
  const moved = { ...first, alone: { ...first.alone!, p: 0.01 } };
  assert.match(
    summariseCards({ ...found, cards: [moved, ...rest], lens: { ...found.lens, chance: 7 } }),
    /: none of 4 neurons has any; the lists of all are .*off alone: 1 of 3, where chance alone gives up to 0\.2\.$/,
  );
  const untested = found.cards.map((card) => ({ ...card, alone: null }));
  assert.doesNotMatch(summariseCards({ ...found, cards: untested }), /switched off/);
});

test('one neuron is spoken of as one', () => {
  const found = someExplain(2);
  const [card] = found.cards;
  const told = (one: Partial<Card>, chance = 5.4) =>
    summariseCards({ cards: [{ ...card, ...one }], lens: { ...found.lens, chance } });
  assert.equal(
    told({}),
    'Tokens of this neuron stand out from the vocabulary more than chance would have it. Its activation keeps its sign. ' +
      'It is clearly more active on made-up answers than on right ones (intervals apart, unseen questions). ' +
      'Switched off alone it did not change compliance beyond noise (p < .05).',
  );
  assert.match(told({}, 7), /^No token of this neuron stands out .*: its lists are the ends/);
  assert.match(told({ agreement: 0.6 }), /sign of its activation changes: it promotes/);
  assert.match(told({ cett: { ...card.cett, hallucinated: null } }), /It is not clearly more active/);
  assert.match(told({ alone: { ...card.alone!, p: 0.01 } }), /alone it changed compliance beyond noise/);
  assert.doesNotMatch(told({ alone: null }), /Switched off/);
});

test('a card says what its own measurement was, whatever the others were measured on', () => {
  const found = someExplain(2);
  const [card, other] = found.cards;
  const few = {
    items: 5,
    complies: wilsonInterval(1, 5),
    gained: 0,
    lost: 3,
    change: { estimate: -0.6, low: -1, high: -0.2 },
    p: 0.25,
  };
  assert.deepEqual(complying(few), { off: 1, asItIs: 4 });
  const page = explainSection({ ...found, cards: [{ ...card, alone: few }, other] }).markup;
  assert.match(page, /complies on 1 of 5 items, as it is on 4 \(0 begin, 3 cease\): −60 points/);
  assert.match(page, /complies on 12 of 40 items, as it is on 14/);
  assert.doesNotMatch(page.slice(0, page.indexOf('class="examples"')), /40 items|in 35/);
});
