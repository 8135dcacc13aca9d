import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairedDifference } from '../../src/stats/paired-difference.js';
import { derive, uniform } from '../../src/stats/random.js';
import { wilsonInterval } from '../../src/stats/wilson.js';

/** Items: yes both times, yes before only, yes after only, no both times. */
function table(both: number, lost: number, gained: number, neither: number) {
  const repeat = (count: number, before: boolean, after: boolean) =>
    Array.from({ length: count }, () => [before, after]);
  const rows = [
    ...repeat(both, true, true),
    ...repeat(lost, true, false),
    ...repeat(gained, false, true),
    ...repeat(neither, false, false),
  ];
  return pairedDifference(
    rows.map(([before]) => before),
    rows.map(([, after]) => after),
  );
}

const close = (value: number, expected: number, within: number) =>
  assert.ok(Math.abs(value - expected) <= within, `${value} for ${expected}`);

test("Newcombe's example, and his bounds where nothing differs", () => {
  const change = table(20, 2, 12, 16);
  close(change.estimate, 0.2, 1e-12);
  close(change.low, 0.056, 5e-4);
  close(change.high, 0.329, 5e-4);
  // Without any yes nothing correlates: the upper end of Wilson's interval is all that is known.
  const none = table(0, 0, 0, 40);
  close(none.high, wilsonInterval(0, 40).high, 1e-12);
  close(none.low, -none.high, 1e-12);
  const swapped = table(20, 12, 2, 16);
  close(swapped.low, -change.high, 1e-12);
});

test('intervals cover the true change about as often as they say', () => {
  const random = derive(3, 'paired');
  let covered = 0;
  const draws = 2000;
  for (let draw = 0; draw < draws; draw++) {
    const before: boolean[] = [];
    const after: boolean[] = [];
    for (let i = 0; i < 40; i++) {
      const [easy, luck] = [uniform(random) < 0.4, uniform(random)];
      before.push(easy);
      // Of those with yes a fifth change to no, of the others a tenth to yes: -.02 in all.
      after.push(easy ? luck >= 0.2 : luck < 0.1);
    }
    const { low, high } = pairedDifference(before, after);
    if (low <= -0.02 && high >= -0.02) covered++;
  }
  const share = covered / draws;
  assert.ok(share > 0.93 && share < 0.985, `${share}`);
});
