import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldText } from '../../src/engine/live/held-text.js';
import { makePicker } from '../../src/engine/live/picker.js';
import { draw, makeDistribution } from '../../src/engine/sample/distribution.js';
import { growingText } from '../../src/engine/sample/text.js';
import { seededRandom } from '../support/random.js';

/** Tells pieces until a stop string appears or they end; gives what was told, and how many after each piece. */
function tell(pieces: Buffer[], stops: string[]) {
  const text = heldText(stops.map((stop) => Buffer.from(stop)));
  const told: string[] = [];
  const bytes: Uint8Array[] = [];
  const counts: number[] = [];
  const takeAll = () => {
    for (let one = text.take(); one !== undefined; one = text.take()) {
      told.push(one.text);
      bytes.push(one.bytes ?? Buffer.from(one.text));
    }
  };
  for (const piece of pieces) {
    const stopped = text.push(piece);
    if (stopped) break;
    takeAll();
    counts.push(told.length);
  }
  text.finish();
  takeAll();
  return { told, counts, bytes };
}

const pieces = (...texts: string[]) => texts.map((text) => Buffer.from(text));

describe('text that is told token by token', () => {
  it('holds back what may begin a stop string, and no more', () => {
    const letters = tell(pieces('a', '\n', 'b', '\n', '\n', 'c'), ['\n\n']);
    assert.deepEqual(
      [letters.told, letters.counts],
      [
        ['a', '\n', 'b'],
        [1, 1, 3, 3],
      ],
    );
    const words = tell(pieces('one ST', 'O', 'ne', ' STOP it'), ['STOP']);
    assert.deepEqual(
      [words.told, words.counts],
      [
        ['one ST', 'O', 'ne', ' '],
        [0, 0, 3],
      ],
    );
    assert.deepEqual(tell(pieces('aab', 'aaa', 'b'), ['aaab']).told, ['aab']);
  });

  it('the rest is told when nothing more comes', () => {
    const { told, counts } = tell(pieces('x', 'ST'), ['STOP']);
    assert.deepEqual(
      [told, counts],
      [
        ['x', 'ST'],
        [1, 1],
      ],
    );
  });

  it('a character is told with the token that completes it', () => {
    const [first, second, third] = Buffer.from('€');
    const torn = [Buffer.from([97, first]), Buffer.from([second]), Buffer.from([third, 98])];
    const whole = tell(torn, []);
    assert.deepEqual(
      [whole.told, whole.counts],
      [
        ['a', '', '€b'],
        [0, 0, 3],
      ],
    );
    assert.deepEqual(
      whole.bytes.map((one) => [...one]),
      torn.map((one) => [...one]),
      'each has its own bytes all the same',
    );
    assert.deepEqual(tell(torn.slice(0, 2), []).told.join(''), 'a\uFFFD');
  });

  it('joined texts and their number are those of the finished answer, for any bytes and stop strings', () => {
    const random = seededRandom(7);
    const alphabet = [
      0x61, 0x62, 0x0a, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0xe0, 0x80,
    ];
    for (let round = 0; round < 2000; round++) {
      const some = Array.from({ length: Math.floor(random() * 12) }, () =>
        Buffer.from(
          Array.from(
            { length: 1 + Math.floor(random() * 3) },
            () => alphabet[Math.floor(random() * alphabet.length)],
          ),
        ),
      );
      const stops = [['a\n'], ['é'], ['bab', 'ab\n'], [], ['€', '\n\n']][round % 5];
      const want = growingText(stops.map((stop) => Buffer.from(stop)));
      for (const piece of some) if (want.push(piece)) break;
      const { told, bytes } = tell(some, stops);
      const { text, tokens } = want.finish();
      assert.equal(told.join(''), text, `round ${round}`);
      assert.equal(Buffer.concat(bytes).toString(), text, `round ${round}`);
      // All but the last, which a stop string may cut.
      for (let i = 0; i + 1 < bytes.length; i++) assert.deepEqual([...bytes[i]], [...some[i]]);
      assert.equal(told.length, tokens, `round ${round}`);
    }
  });
});

describe('draws', () => {
  const vocab = 3000;
  const random = seededRandom(3);
  const logits = Float32Array.from({ length: vocab }, () => 2 * Math.log(random()) + 6 * random());

  for (const filters of [
    { temperature: 1, topK: 50, topP: 0.9, minP: 0 },
    { temperature: 0.7, topK: 0, topP: 0.8, minP: 0 },
    { temperature: 1.5, topK: 0, topP: 0.999, minP: 0 },
    { temperature: 1, topK: 0, topP: 1, minP: 0.05 },
    { temperature: 2, topK: 1000, topP: 0.95, minP: 0.001 },
    { temperature: 1, topK: 1, topP: 1, minP: 0 },
    { temperature: 0, topK: 0, topP: 1, minP: 0 },
  ])
    it(`as the token tree draws: ${JSON.stringify(filters)}`, () => {
      const { pick } = makePicker(vocab);
      const candidates = makeDistribution(vocab, filters)(logits);
      const counts = new Set<number>();
      for (let i = 0; i < 150; i++) {
        // In the middle of steps, so that rounding of the total cannot decide.
        const uniform = (i + 0.5) / 150;
        const want = draw(candidates, uniform);
        const got = pick(logits, filters, () => uniform);
        counts.add(got.token);
        const at = candidates.tokens.subarray(0, candidates.count).indexOf(got.token);
        assert.ok(at >= 0 && Math.abs(at - want) <= 1, `${at} for ${want}`);
        if (at === want) assert.ok(Math.abs(got.logProbability - candidates.logProbability[want]) < 1e-9);
      }
      if (filters.temperature > 0 && filters.topK !== 1) assert.ok(counts.size > 5);
    });

  it('without filters: each token as often as its probability says', () => {
    const few = logits.subarray(0, 12);
    const { pick } = makePicker(12);
    const filters = { temperature: 0.8, topK: 0, topP: 1, minP: 0 };
    const draws = 20000;
    const counts = new Float64Array(12);
    for (let i = 0; i < draws; i++) counts[pick(few, filters, () => (i + 0.5) / draws).token]++;
    const weights = Float64Array.from(few, (x) => Math.exp(x / 0.8));
    const total = weights.reduce((sum, w) => sum + w, 0);
    const plain = few.reduce((sum, x) => sum + Math.exp(x), 0);
    for (let token = 0; token < 12; token++)
      assert.ok(Math.abs(counts[token] / draws - weights[token] / total) < 1e-3, `token ${token}`);
    const got = pick(few, filters, () => 0.5);
    assert.ok(Math.abs(got.logProbability - (few[got.token] - Math.log(plain))) < 1e-3);
  });
});
