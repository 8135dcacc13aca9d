import { VALUE_TYPES } from '../engine/gguf/types.js';
import { SHARED_BLOCK } from './share-range.js';

/** Magic, version, number of tensors, number of metadata entries: the entries begin behind them. */
const FIXED_HEADER_BYTES = 24;
const ENTRY_COUNT_AT = 16;

/**
 * The header of a GGUF file with one text more among its metadata, all else byte for byte as it was. Spaces behind the text make the
 * header grow by a multiple of both the file's alignment and a block of the file system, so that the data behind it, moved on by
 * that much, stay aligned.
 * @param header all bytes before the tensor data
 */
export function withText(header: Buffer, alignment: number, key: string, text: string): Buffer {
  const name = Buffer.from(key);
  const overhead = 8 + name.length + 4 + 8;
  // Alignments are powers of two.
  const unit = Math.max(alignment, SHARED_BLOCK);
  const content = Buffer.from(text);
  const grown = Math.ceil((overhead + content.length) / unit) * unit;
  const entry = Buffer.alloc(grown, ' ');
  let at = entry.writeBigUInt64LE(BigInt(name.length), 0);
  at += name.copy(entry, at);
  at = entry.writeUInt32LE(VALUE_TYPES.indexOf('string'), at);
  at = entry.writeBigUInt64LE(BigInt(grown - overhead), at);
  content.copy(entry, at);

  const fixed = Buffer.from(header.subarray(0, FIXED_HEADER_BYTES));
  fixed.writeBigUInt64LE(fixed.readBigUInt64LE(ENTRY_COUNT_AT) + 1n, ENTRY_COUNT_AT);
  return Buffer.concat([fixed, entry, header.subarray(FIXED_HEADER_BYTES)]);
}
