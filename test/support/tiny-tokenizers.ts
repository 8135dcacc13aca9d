import type { GgufValue } from '../../src/engine/gguf/types.js';
import { bool, string, strings, uint32 } from '../../src/engine/gguf/values.js';

/**
 * `bpe`: byte-level BPE as of GPT-2; `spm`: SentencePiece as of Llama and Gemma, with byte tokens for the rest; `ugm`: unigrams as
 * of T5; `wpm`: word pieces as of BERT, in lower case. The last two cannot spell every text.
 */
export type TokenizerKind = 'bpe' | 'spm' | 'ugm' | 'wpm';

/** llama.cpp's token types. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

const SPECIAL = ['<|bos|>', '<|eos|>', '<|im_start|>', '<|im_end|>'];

/** Pairs that merge, in order of priority; a space stands for the tokenizer's own sign for it. */
const MERGES: [string, string][] = [
  ['t', 'h'],
  ['th', 'e'],
  [' ', 'the'],
  ['i', 'n'],
  ['a', 'n'],
  [' ', 'a'],
  ['e', 'r'],
  ['o', 'n'],
  [' ', 'i'],
  [' i', 's'],
  ['an', 'd'],
  [' ', 'c'],
];

interface Token {
  text: string;
  type: number;
}

/**
 * Metadata of a small tokenizer; `bpe` and `spm` can spell every text, byte by byte where need be, and give it back unchanged.
 * Filler tokens that no text is tokenised to make up the rest of `vocab`. Special tokens: <|bos|>, <|eos|>,
 * <|im_start|> and <|im_end|> (which llama.cpp takes for end of generation too).
 */
export function tokenizerMetadata(
  kind: TokenizerKind,
  vocab: number | undefined,
  addBos: boolean,
): { metadata: [string, GgufValue][]; vocab: number } {
  const tokens = TOKENS[kind]();
  if (vocab !== undefined && vocab < tokens.length)
    throw new Error(`vocab must be at least ${tokens.length}`);
  for (let i = tokens.length; i < (vocab ?? 0); i++) tokens.push({ text: `filler${i}`, type: NORMAL });
  const id = (text: string) => uint32(tokens.findIndex((token) => token.text === text));
  const metadata: [string, GgufValue][] = [
    ['tokenizer.ggml.model', string(NAMES[kind])],
    ['tokenizer.ggml.tokens', strings(tokens.map((token) => token.text))],
    [
      'tokenizer.ggml.token_type',
      { type: 'array', items: 'int32', value: Int32Array.from(tokens, (token) => token.type) },
    ],
    ['tokenizer.ggml.bos_token_id', id('<|bos|>')],
    ['tokenizer.ggml.eos_token_id', id('<|eos|>')],
    ['tokenizer.ggml.add_bos_token', bool(addBos)],
  ];
  if (kind === 'bpe') {
    metadata.push(['tokenizer.ggml.pre', string('gpt-2')]);
    metadata.push(['tokenizer.ggml.merges', strings(MERGES.map((pair) => pair.map(toBpe).join(' ')))]);
  } else {
    if (kind === 'ugm' || kind === 'wpm') metadata.push(['tokenizer.ggml.unknown_token_id', id('<unk>')]);
    metadata.push(['tokenizer.ggml.add_space_prefix', bool(false)]);
    if (kind === 'wpm') metadata.push(['tokenizer.ggml.seperator_token_id', id('<|eos|>')]);
    metadata.push(['tokenizer.ggml.remove_extra_whitespaces', bool(false)]);
    // SentencePiece merges the pair with the highest score first.
    const scores = Float32Array.from(tokens, (_, i) => -i);
    metadata.push(['tokenizer.ggml.scores', { type: 'array', items: 'float32', value: scores }]);
  }
  return { metadata, vocab: tokens.length };
}

const NAMES = { bpe: 'gpt2', spm: 'llama', ugm: 't5', wpm: 'bert' };
const TOKENS = { bpe: bpeTokens, spm: spmTokens, ugm: ugmTokens, wpm: wpmTokens };

function bpeTokens(): Token[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => ({ text: byteSymbol(byte), type: NORMAL }));
  const merged = MERGES.map((pair) => ({ text: toBpe(pair.join('')), type: NORMAL }));
  return [...bytes, ...merged, ...SPECIAL.map((text) => ({ text, type: CONTROL }))];
}

function spmTokens(): Token[] {
  const special = SPECIAL.map((text) => ({ text, type: CONTROL }));
  const bytes = Array.from({ length: 256 }, (_, byte) => ({
    text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    type: BYTE,
  }));
  const characters = [' ', ...'abcdefghijklmnopqrstuvwxyz'].map((c) => ({ text: toSpm(c), type: NORMAL }));
  const merged = MERGES.map((pair) => ({ text: toSpm(pair.join('')), type: NORMAL }));
  return [{ text: '<unk>', type: UNKNOWN }, ...special, ...bytes, ...characters, ...merged];
}

/** Whole characters only, with accents and other scripts: what is not among them is unknown. */
function ugmTokens(): Token[] {
  const special = SPECIAL.map((text) => ({ text, type: CONTROL }));
  const characters = [' ', ...'abcdefghijklmnopqrstuvwxyzéã東京.,:?!'].map((c) => ({
    text: toSpm(c),
    type: NORMAL,
  }));
  const merged = MERGES.map((pair) => ({ text: toSpm(pair.join('')), type: NORMAL }));
  return [{ text: '<unk>', type: UNKNOWN }, ...special, ...characters, ...merged];
}

/** llama.cpp marks the pieces that begin a word; those that go on with one are bare. */
function wpmTokens(): Token[] {
  const special = SPECIAL.map((text) => ({ text, type: CONTROL }));
  const letters = [...'abcdefghijklmnopqrstuvwxyz東京.,:?!'];
  const pieces = [...letters, 'the', 'is', 'an', 'and', 'li'].flatMap((text) => [`▁${text}`, text]);
  return [{ text: '<unk>', type: UNKNOWN }, ...special, ...pieces.map((text) => ({ text, type: NORMAL }))];
}

const toSpm = (text: string) => text.replaceAll(' ', '▁');
const toBpe = (text: string) => [...Buffer.from(text)].map(byteSymbol).join('');

/** GPT-2 writes printable Latin-1 bytes as themselves and numbers the others from U+0100 on. */
function byteSymbol(byte: number): string {
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 255 && b !== 173);
  if (printable(byte)) return String.fromCharCode(byte);
  let rank = 0;
  for (let b = 0; b < byte; b++) if (!printable(b)) rank++;
  return String.fromCharCode(256 + rank);
}
