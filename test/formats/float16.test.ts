import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countHeld, decodeFloat16, encodeFloat16 } from '../../src/formats/float16.js';
import { fromHalf, toHalf } from '../support/quantise.js';
import { seededRandom } from '../support/random.js';

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

function encoded(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  encodeFloat16(values, halves);
  return halves;
}

/** The float32 numbers just below, at and just above a positive one. */
function neighbours(value: number): number[] {
  single[0] = value;
  const middle = bits[0];
  return [middle - 1, middle, middle + 1].map((pattern) => {
    bits[0] = pattern;
    return single[0];
  });
}

test('every bit pattern is read as what its sign, exponent and fraction say', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, half) => half);
  const values = new Float32Array(65536);
  decodeFloat16(all, values);
  for (const half of all) assert.ok(Object.is(values[half], fromHalf(half)), `${half}: ${values[half]}`);
});

test('rounding is to nearest and ties to even at each of the 31,743 boundaries, to the last bit of a float32', () => {
  // Between two boundaries every float32 rounds to the same half: right next to all boundaries is right everywhere.
  const inputs: number[] = [];
  for (let half = 0; half < 0x7bff; half++) {
    const boundary = (fromHalf(half) + fromHalf(half + 1)) / 2;
    inputs.push(fromHalf(half), ...neighbours(boundary));
  }
  for (const sign of [1, -1]) {
    const values = Float32Array.from(inputs, (value) => sign * value);
    const halves = encoded(values);
    values.forEach((value, i) => {
      if (halves[i] !== toHalf(value)) assert.fail(`${value}: ${halves[i]}, expected ${toHalf(value)}`);
    });
  }
});

test('random bit patterns of float32 agree with a conversion by arithmetic', () => {
  const random = seededRandom(4);
  const patterns = Uint32Array.from({ length: 200_000 }, () => Math.floor(random() * 2 ** 32));
  const values = new Float32Array(patterns.buffer);
  const halves = encoded(values);
  values.forEach((value, i) => {
    const expected =
      Number.isFinite(value) && Math.abs(value) >= 65504 ? toHalf(Math.sign(value) * 65504) : toHalf(value);
    const same = Number.isNaN(value) ? (halves[i] & 0x7fff) > 0x7c00 : halves[i] === expected;
    if (!same) assert.fail(`${value}: ${halves[i]}, expected ${expected}`);
  });
});

test('what is too large is held at the largest number, and counted; infinities and NaN stay', () => {
  const values = Float32Array.of(65504, 65519, 65520, 1e30, -7e4, Infinity, -Infinity, NaN, 65488, -0);
  const halves = encoded(values);
  assert.equal(countHeld(halves), 5);
  const back = new Float32Array(values.length);
  decodeFloat16(halves, back);
  assert.deepEqual([...back], [65504, 65504, 65504, 65504, -65504, Infinity, -Infinity, NaN, 65472, -0]);
});
