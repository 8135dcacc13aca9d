import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countHeld,
  decodeHalves,
  encodeHalves,
  encodeHalvesHeld,
  halfToFloat,
} from '../../src/formats/float16.js';

test('half floats: normal, subnormal, infinite, not a number', () => {
  assert.deepEqual([0x3c00, 0xbc00, 0x7bff, 0x0001, 0x0400, 0x3555, 0x7c00].map(halfToFloat), [
    1,
    -1,
    65504,
    2 ** -24,
    2 ** -14,
    0.333251953125,
    Number.POSITIVE_INFINITY,
  ]);
  assert.ok(Number.isNaN(halfToFloat(0x7e00)));
});

/** All halves below infinity, by hand: 1024 steps between each power of two and the next, the first of them down to zero. */
function positiveHalves(): number[] {
  const values: number[] = [];
  for (let power = -15; power <= 15; power++) {
    const step = 2 ** (Math.max(power, -14) - 10);
    for (let k = 0; k < 1024; k++) values.push((power === -15 ? 0 : 2 ** power) + k * step);
  }
  return values;
}

const encode = (values: ArrayLike<number>): Uint16Array => {
  const bits = new Uint16Array(values.length);
  encodeHalves(Float32Array.from(values), bits);
  return bits;
};

test('every half is decoded to its value, and back', () => {
  const positive = positiveHalves();
  assert.equal(positive.length, 0x7c00);
  const bits = Uint16Array.from({ length: 1 << 16 }, (_, i) => i);
  const values = new Float32Array(1 << 16);
  decodeHalves(bits, values);
  positive.forEach((value, i) => {
    assert.ok(Object.is(values[i], value), `${i}: ${values[i]}, ${value}`);
    assert.ok(Object.is(values[0x8000 + i], -value), `-${i}: ${values[0x8000 + i]}`);
  });
  assert.deepEqual([values[0x7c00], values[0xfc00]], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  assert.ok(values.every((value, i) => Number.isNaN(value) === (i & 0x7fff) > 0x7c00));
  const again = encode(values);
  again.forEach((code, i) => {
    if ((i & 0x7fff) > 0x7c00) assert.equal(code & 0x7fff, 0x7e00);
    else assert.equal(code, i);
  });
});

test('between two halves the nearer one is taken, in the middle the even one, for every pair of neighbours', () => {
  const positive = [...positiveHalves(), 65536];
  // A float32 just beside the middle, which itself is a float32.
  const word = new Float32Array(1);
  const asInt = new Int32Array(word.buffer);
  const beside = (value: number, steps: number) => {
    word[0] = value;
    asInt[0] += steps;
    return word[0];
  };
  const middles = positive.slice(1).map((next, i) => (positive[i] + next) / 2);
  const exact = encode(middles);
  const below = encode(middles.map((value) => beside(value, -1)));
  const above = encode(middles.map((value) => beside(value, 1)));
  const negative = encode(middles.map((value) => -value));
  for (let i = 0; i < middles.length; i++) {
    assert.equal(exact[i], i % 2 === 0 ? i : i + 1, `${middles[i]}`);
    assert.equal(below[i], i);
    assert.equal(above[i], i + 1);
    assert.equal(negative[i], 0x8000 | exact[i]);
  }
  assert.deepEqual([...encode([1e30, -1e30, 1e-40, -1e-40])], [0x7c00, 0xfc00, 0, 0x8000]);
});

test('what is too large can be held at the largest half, and be counted; infinities and NaN stay what they are', () => {
  const values = Float32Array.of(65504, 65519, 65520, 1e30, -7e4, Infinity, -Infinity, Number.NaN, 65488, -0);
  const bits = new Uint16Array(values.length);
  encodeHalvesHeld(values, bits);
  assert.equal(countHeld(bits), 5);
  const back = new Float32Array(values.length);
  decodeHalves(bits, back);
  assert.deepEqual(
    [...back],
    [65504, 65504, 65504, 65504, -65504, Infinity, -Infinity, Number.NaN, 65472, -0],
  );
});
