import type { LoadedModel } from './model.js';

/**
 * Tokens of a text. `special`: special tokens written in the text become themselves; `bos`: BOS first, if wanted. Nothing is put
 * behind the text, whatever the model's file says: a prompt is to be gone on with.
 */
export function tokenize(
  model: LoadedModel,
  text: string,
  options: { special: boolean; bos: boolean },
): Int32Array {
  const tokens = llamaTokens(model, text, options);
  return options.bos ? tokens.subarray(0, tokens.length - endTokens(model)) : tokens;
}

const knownEnds = new WeakMap<LoadedModel, number>();

/** How many tokens llama.cpp puts behind a text along with BOS (EOS as of T5, SEP as of BERT). */
function endTokens(model: LoadedModel): number {
  let count = knownEnds.get(model);
  if (count === undefined) {
    const bare = llamaTokens(model, 'a', { special: false, bos: false });
    const framed = llamaTokens(model, 'a', { special: false, bos: true });
    const start = framed.findIndex((_, i) => bare.every((token, j) => framed[i + j] === token));
    count = start < 0 ? 0 : framed.length - start - bare.length;
    knownEnds.set(model, count);
  }
  return count;
}

function llamaTokens(
  model: LoadedModel,
  text: string,
  options: { special: boolean; bos: boolean },
): Int32Array {
  const bytes = Buffer.from(text, 'utf8');
  // A token stands for at least one byte, but for BOS and a space that some tokenizers put in front.
  const room = new Int32Array(bytes.length + 8);
  const count: number = model.llama.tokenize(
    model.vocab,
    bytes,
    bytes.length,
    room,
    room.length,
    options.bos,
    options.special,
  );
  if (count < 0) throw new Error(`tokenizer wants ${-count} tokens for ${bytes.length} bytes`);
  return room.slice(0, count);
}

/** The bytes that a token stands for; special tokens as their text. */
export function pieceBytes(model: LoadedModel, token: number): Uint8Array {
  let room = new Uint8Array(64);
  for (;;) {
    const length: number = model.llama.tokenToPiece(model.vocab, token, room, room.length, 0, true);
    if (length >= 0) return room.slice(0, length);
    room = new Uint8Array(-length);
  }
}

/** The text of a token sequence; undoes what the tokenizer put in front (BOS stays, as its text). */
export function detokenize(model: LoadedModel, tokens: Int32Array): string {
  let room = new Uint8Array(tokens.length * 8 + 64);
  for (;;) {
    const length: number = model.llama.detokenize(
      model.vocab,
      tokens,
      tokens.length,
      room,
      room.length,
      false,
      true,
    );
    if (length >= 0) return Buffer.from(room.buffer, 0, length).toString('utf8');
    room = new Uint8Array(-length);
  }
}

/** Remembers pieces: sampling asks for the same few thousand tokens over and over. */
export function pieceCache(model: LoadedModel): (token: number) => Uint8Array {
  const known = new Map<number, Uint8Array>();
  return (token) => {
    let piece = known.get(token);
    if (!piece) {
      piece = pieceBytes(model, token);
      known.set(token, piece);
    }
    return piece;
  };
}
