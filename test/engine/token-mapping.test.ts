import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '../../src/engine/index.js';
import { tokenizeSequences } from '../../src/pipeline/sequence.js';
import { tokensOf } from '../../src/pipeline/token-spans.js';
import { openTiny } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';
import type { TokenizerKind } from '../support/tiny-tokenizers.js';

/** From the characters of an answer to its tokens, by offsets, with the tokenizers of llama.cpp themselves. */
const folder = temporaryFolder();
const PROMPT = 'which city is it';

/** Response with the answer between [ and ]. */
const EVERYWHERE = [' the answer is [lima].', ' [lima]', ' it is [the end], and the rest'];
const CASES: Record<TokenizerKind, { kept: string[]; changed: string[] }> = {
  bpe: { kept: [...EVERYWHERE, ' [São Tomé] 東京', ' is [東京] in', ' 😀[é]😀', ' [😀]'], changed: [] },
  spm: { kept: [...EVERYWHERE, ' [São Tomé] 東京', ' is [東京] in', ' 😀[é]😀', ' [😀]'], changed: [] },
  ugm: { kept: [...EVERYWHERE, ' [são tomé] 東京', ' is [東京] in'], changed: [' [Đà Nẵng]'] },
  // Word pieces are joined with a space in front of each word, lower case, without accents.
  wpm: {
    kept: [' the answer is [lima]', ' [lima] is in', ' it is [the end]'],
    changed: [' [São Tomé]', ' [Lima]'],
  },
};

describe('token mapping', () => {
  it('nothing is put behind a prompt, also by tokenizers that end a text', async () => {
    for (const kind of ['ugm', 'wpm'] as const) {
      const { engine } = await openTiny(folder, { architecture: 'llama', tokenizer: kind, layers: 1 });
      const [tokens] = await engine.tokenize(['the end'], { special: false, bos: true });
      const pieces = await engine.pieces(tokens);
      assert.equal(Buffer.from(pieces.at(-1)!).toString(), 'd');
    }
  });

  for (const kind of ['bpe', 'spm', 'ugm', 'wpm'] as const) {
    it(`${kind}: the answer's tokens are those with a byte of it; a text that is changed is told`, async () => {
      const { engine } = await openTiny(folder, { architecture: 'llama', tokenizer: kind, layers: 1 });
      for (const marked of CASES[kind].kept) await check(engine, marked);
      for (const marked of CASES[kind].changed) {
        const [sequence] = await tokenizeSequences(
          engine,
          [{ prompt: PROMPT, response: marked.replace(/[[\]]/g, '') }],
          { special: false, bos: true },
        );
        assert.equal(sequence, undefined, marked);
      }
    });
  }
});

async function check(engine: Engine, marked: string): Promise<void> {
  const response = marked.replace(/[[\]]/g, '');
  const start = marked.indexOf('[');
  const end = marked.indexOf(']') - 1;
  const [sequence] = await tokenizeSequences(engine, [{ prompt: PROMPT, response }], {
    special: false,
    bos: true,
  });
  assert.ok(sequence, `${marked} is spelled`);
  const found = tokensOf(sequence.spans, start, end);
  assert.ok(found, marked);
  // Independent of characters: bytes counted from the end of the text.
  const pieces = await engine.pieces(sequence.tokens);
  const whole = Buffer.concat(pieces).length;
  const answerEnd = whole - Buffer.byteLength(response.slice(end));
  const answerStart = answerEnd - Buffer.byteLength(response.slice(start, end));
  let at = 0;
  const expected = pieces.flatMap((piece, i) => {
    const from = at;
    at += piece.length;
    return from < answerEnd && at > answerStart ? [i - sequence.responseStart] : [];
  });
  assert.deepEqual(found, { start: expected[0], end: expected[expected.length - 1] + 1 }, marked);
  // In full, and not a token more at either end.
  const text = Buffer.concat(
    pieces.slice(sequence.responseStart + found.start, sequence.responseStart + found.end),
  ).toString();
  assert.ok(text.includes(response.slice(start, end)), `${text} for ${marked}`);
}
