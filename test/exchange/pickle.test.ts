import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { readClassifier } from '../../src/exchange/classifier.js';
import { readPickle } from '../../src/formats/pickle.js';
import { temporaryFolder } from '../support/temporary.js';
import { PICKLES } from './pickles.js';

/**
 * A LogisticRegression(penalty='l1', C=10) fitted to 40 x 8 float32 features, as scikit-learn 1.9.1 gives it to joblib 1.6.0
 * and to pickle. Its weights, as Python prints them, are in COEF.
 */
const JOBLIB = [
  'gASVAQIAAAAAAACMHnNrbGVhcm4ubGluZWFyX21vZGVsLl9sb2dpc3RpY5SMEkxvZ2lzdGljUmVncmVzc2lvbpSTlCmBlH2UKIwH',
  'cGVuYWx0eZSMAmwxlIwBQ5RHQCQAAAAAAACMCGwxX3JhdGlvlEcAAAAAAAAAAIwEZHVhbJSJjAN0b2yURz8aNuLrHEMtjA1maXRf',
  'aW50ZXJjZXB0lIiMEWludGVyY2VwdF9zY2FsaW5nlEsBjAxjbGFzc193ZWlnaHSUTowMcmFuZG9tX3N0YXRllEsqjAZzb2x2ZXKU',
  'jAlsaWJsaW5lYXKUjAhtYXhfaXRlcpRN6AOMB3ZlcmJvc2WUSwCMCndhcm1fc3RhcnSUiYwGbl9qb2JzlE6MDm5fZmVhdHVyZXNf',
  'aW5flEsIjAhjbGFzc2VzX5SME2pvYmxpYi5udW1weV9waWNrbGWUjBFOdW1weUFycmF5V3JhcHBlcpSTlCmBlH2UKIwIc3ViY2xh',
  'c3OUjAVudW1weZSMB25kYXJyYXmUk5SMBXNoYXBllEsChZSMBW9yZGVylGgHjAVkdHlwZZRoHYwFZHR5cGWUk5SMAmk4lImIh5RS',
  'lChLA4wBPJROTk5K/////0r/////SwB0lGKMCmFsbG93X21tYXCUiIwbbnVtcHlfYXJyYXlfYWxpZ25tZW50X2J5dGVzlEsQdWID',
  '////AAAAAAAAAAABAAAAAAAAAJVPAAAAAAAAAIwFY29lZl+UaBkpgZR9lChoHGgfaCBLAUsIhpRoImgHaCNoJYwCZjiUiYiHlFKU',
  'KEsDaClOTk5K/////0r/////SwB0lGJoK4hoLEsQdWIH/////////wAAAAAAAAAA+a5FeXEb578N4qe8D4czQAAAAAAAAAAAzWzg',
  '4aO44j8AAAAAAAAAAJk4J7pZtvO/5WEs3zdW2j+VMAAAAAAAAACMCmludGVyY2VwdF+UaBkpgZR9lChoHGgfaCBLAYWUaCJoB2gj',
  'aDNoK4hoLEsQdWIG////////sdXrRlFtIMCVTwAAAAAAAACMB25faXRlcl+UaBkpgZR9lChoHGgfaCBLAYWUaCJoB2gjaCWMAmk0',
  'lImIh5RSlChLA2gpTk5OSv////9K/////0sAdJRiaCuIaCxLEHViD////////////////////x0AAACVHgAAAAAAAACMEF9za2xl',
  'YXJuX3ZlcnNpb26UjAUxLjkuMZR1Yi4=',
].join('');
const PICKLE = [
  'gASV8wIAAAAAAACMHnNrbGVhcm4ubGluZWFyX21vZGVsLl9sb2dpc3RpY5SMEkxvZ2lzdGljUmVncmVzc2lvbpSTlCmBlH2UKIwH',
  'cGVuYWx0eZSMAmwxlIwBQ5RHQCQAAAAAAACMCGwxX3JhdGlvlEcAAAAAAAAAAIwEZHVhbJSJjAN0b2yURz8aNuLrHEMtjA1maXRf',
  'aW50ZXJjZXB0lIiMEWludGVyY2VwdF9zY2FsaW5nlEsBjAxjbGFzc193ZWlnaHSUTowMcmFuZG9tX3N0YXRllEsqjAZzb2x2ZXKU',
  'jAlsaWJsaW5lYXKUjAhtYXhfaXRlcpRN6AOMB3ZlcmJvc2WUSwCMCndhcm1fc3RhcnSUiYwGbl9qb2JzlE6MDm5fZmVhdHVyZXNf',
  'aW5flEsIjAhjbGFzc2VzX5SMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJh',
  'eZSTlEsAhZRDAWKUh5RSlChLAUsChZRoGowFZHR5cGWUk5SMAmk4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGKJQxAA',
  'AAAAAAAAAAEAAAAAAAAAlHSUYowFY29lZl+UaBloHEsAhZRoHoeUUpQoSwFLAUsIhpRoI4wCZjiUiYiHlFKUKEsDaCdOTk5K////',
  '/0r/////SwB0lGKJQ0AAAAAAAAAAAPmuRXlxG+e/DeKnvA+HM0AAAAAAAAAAAM1s4OGjuOI/AAAAAAAAAACZOCe6Wbbzv+VhLN83',
  'Vto/lHSUYowKaW50ZXJjZXB0X5RoGWgcSwCFlGgeh5RSlChLAUsBhZRoMolDCLHV60ZRbSDAlHSUYowHbl9pdGVyX5RoGWgcSwCF',
  'lGgeh5RSlChLAUsBhZRoI4wCaTSUiYiHlFKUKEsDaCdOTk5K/////0r/////SwB0lGKJQwQdAAAAlHSUYowQX3NrbGVhcm5fdmVy',
  'c2lvbpSMBTEuOS4xlHViLg==',
].join('');
const COEF = [0, -0.72210001, 19.52758388, 0, 0.58503908, 0, -1.23201916, 0.41151234];
const INTERCEPT = -8.21351072;

const folder = temporaryFolder();

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

test('weights of a classifier saved by joblib, or by pickle', async () => {
  for (const [name, text] of [
    ['joblib.pkl', JOBLIB],
    ['pickle.pkl', PICKLE],
  ]) {
    const { coef, intercept, C } = await readClassifier(save(name, Buffer.from(text, 'base64')));
    assert.equal(coef.length, COEF.length);
    coef.forEach((weight, i) => {
      assert.ok(Math.abs(weight - COEF[i]) < 1e-8, `${name}, weight ${i}: ${weight}`);
    });
    assert.ok(Math.abs(intercept - INTERCEPT) < 1e-8);
    assert.equal(C, 10);
  }
});

const oneLine = (error: unknown) => error instanceof UserError && !error.message.includes('\n');

test('a pickle cut off anywhere is refused in one line', () => {
  for (const text of [JOBLIB, PICKLE]) {
    const whole = Buffer.from(text, 'base64');
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => readPickle(whole.subarray(0, length), 'cut.pkl'), oneLine);
    }
  }
});

test('a pickle with any byte changed is read or refused, never a crash', () => {
  for (const text of [JOBLIB, PICKLE]) {
    const whole = Buffer.from(text, 'base64');
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const bytes = Buffer.from(whole);
        bytes[at] ^= flip;
        try {
          readPickle(bytes, 'changed.pkl');
        } catch (error) {
          assert.ok(oneLine(error), `byte ${at}: ${error}`);
        }
      }
    }
  }
});

test('what a hostile pickle calls stays a name', async () => {
  // cos\nsystem\n(S'…'tR.: would run a command in Python.
  const text = Buffer.from('\x80\x02cos\nsystem\nX\x08\x00\x00\x00touch me\x85R.', 'latin1');
  assert.deepEqual(readPickle(text, 'hostile.pkl'), { class: 'os.system', args: ['touch me'] });
  await assert.rejects(readClassifier(save('hostile.pkl', text)), /no trained linear classifier/);
});

test('every protocol, boolean classes, zlib and a C of NumPy are read as the same numbers', async () => {
  const read = new Map<string, Awaited<ReturnType<typeof readClassifier>>>();
  for (const [name, text] of Object.entries(PICKLES)) {
    read.set(name, await readClassifier(save(`${name}.pkl`, Buffer.from(text, 'base64'))));
  }
  const { coef, intercept } = read.get('PROTOCOL_5')!;
  assert.ok(Math.abs(coef[2] - 14.714334853430733) < 1e-12 && Math.abs(intercept + 6.42102889563001) < 1e-12);
  assert.deepEqual(read.get('PROTOCOL_2'), read.get('PROTOCOL_5'));
  assert.deepEqual(read.get('ZLIB'), read.get('PROTOCOL_5'));
  for (const [name, { C, coef }] of read) assert.deepEqual([C, coef.length], [10, 8], name);
});

test('a C that no detector can have is refused, not written', async () => {
  const bytes = Buffer.from(PICKLES.PROTOCOL_5, 'base64');
  // BINFLOAT or BININT1 behind the key "C".
  const at = bytes.indexOf(Buffer.from('8c01439447', 'hex'));
  const at1 = bytes.indexOf(Buffer.from('8c0143944b', 'hex'));
  assert.ok(at >= 0 || at1 >= 0);
  const key = (at >= 0 ? at : at1) + 4;
  const behind = bytes.subarray(key + (at >= 0 ? 9 : 2));
  for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const number = Buffer.alloc(9, 0x47);
    number.writeDoubleBE(value, 1);
    // The frame's length is not looked at.
    const changed = Buffer.concat([bytes.subarray(0, key), number, behind]);
    await assert.rejects(readClassifier(save('c.pkl', changed)), new RegExp(`C = ${value}; C must be`));
  }
  const none = Buffer.concat([bytes.subarray(0, key), Buffer.from('N'), behind]);
  await assert.rejects(readClassifier(save('c.pkl', none)), /C that is no number/);
});

test('compressed joblib files and other models are refused with a reason', async () => {
  for (const [start, reason] of [
    ['789c0300', /damaged: it cannot be decompressed/],
    ['1f8b0800', /damaged: it cannot be decompressed/],
    ['425a6839', /compressed with bzip2/],
    ['fd377a585a0000', /compressed with xz/],
    ['5d00008000', /compressed with lzma/],
    ['04224d1864', /compressed with lz4/],
    ['286c70310a', /does not begin like one of protocol 2/],
  ] as const) {
    await assert.rejects(readClassifier(save('z.pkl', Buffer.from(start, 'hex'))), reason);
  }
  const classes = Buffer.from(PICKLE, 'base64');
  // The second class, 1, becomes 2.
  const at = classes.indexOf(Buffer.from('0000000000000000' + '0100000000000000', 'hex'));
  classes[at + 8] = 2;
  await assert.rejects(readClassifier(save('classes.pkl', classes)), /other classes/);
});

/** A probe as hprobes 0.11.0 saves it: the weights of the features that it kept, and a config. */
function saveProbe(name: string, config: object, kept = [5, 2], extra: object = {}): string {
  const header = Buffer.from(
    JSON.stringify({
      top_k_idx: { dtype: 'I64', shape: [2], data_offsets: [0, 16] },
      clf_coef: { dtype: 'F64', shape: [1, 2], data_offsets: [16, 32] },
      clf_intercept: { dtype: 'F64', shape: [1], data_offsets: [32, 40] },
      ...extra,
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = [BigInt64Array.from(kept, BigInt), Float64Array.of(1.5, -2, 0.25)].map((array) =>
    Buffer.from(array.buffer),
  );
  save(`${name}.json`, Buffer.from(JSON.stringify({ config })));
  return save(`${name}.safetensors`, Buffer.concat([length, header, ...data]));
}

test('weights of a probe that hprobes has saved', async () => {
  const config = { layers: [0, 1], intermediate_dim: 3, l1_C: 0.5 };
  const { coef, intercept, C } = await readClassifier(saveProbe('probe', config));
  assert.deepEqual([[...coef], intercept, C], [[0, 0, -2, 0, 0, 1.5], 0.25, 0.5]);
  const stride = saveProbe('stride', { ...config, layers: [0, 2] });
  await assert.rejects(readClassifier(stride), /a part of the layers/);
  await assert.rejects(readClassifier(saveProbe('outside', config, [6, 0])), /do not go together/);
  await assert.rejects(readClassifier(saveProbe('bare', {})), /no probe of hprobes/);
  const mean = { col_mean: { dtype: 'F64', shape: [1], data_offsets: [40, 40] } };
  await assert.rejects(readClassifier(saveProbe('scaled', config, [5, 2], mean)), /damaged|standardised/);
});
