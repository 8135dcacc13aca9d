import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { CompressionCodec } from 'hyparquet';
import { decompressLz4, decompressLz4Raw, decompressSnappy, decompressZstd } from 'hyparquet-compressors';

/** Largest window of a Zstandard frame that does not tell its size; the command line of zstd accepts the same by default. */
const MAX_ZSTD_WINDOW = 1 << 27;

/**
 * Decompresses a page.
 * @param length bytes of the page, which the caller has found to be plausible: not many more are allocated
 * @throws anything, for bytes that do not decompress to exactly this length
 */
export function decompress(codec: CompressionCodec, input: Uint8Array, length: number): Uint8Array {
  const output = length === 0 ? new Uint8Array(0) : decompressAny(codec, input, length);
  if (output.length !== length) {
    throw new RangeError(`a page decompresses to ${output.length} bytes, not to ${length}`);
  }
  return output;
}

function decompressAny(codec: CompressionCodec, input: Uint8Array, length: number): Uint8Array {
  switch (codec) {
    case 'UNCOMPRESSED':
      return input;
    case 'SNAPPY':
      checkSnappy(input, length);
      return decompressSnappy(input, length);
    case 'GZIP':
      return gunzipSync(input, { maxOutputLength: length });
    case 'BROTLI':
      return brotliDecompressSync(input, { maxOutputLength: length });
    case 'ZSTD':
      checkZstd(input, length);
      return decompressZstd(input);
    case 'LZ4':
      return decompressLz4(input, length);
    case 'LZ4_RAW':
      return decompressLz4Raw(input, length);
    default:
      throw new RangeError(`the codec ${codec} is not supported`);
  }
}

/** The length at the start of Snappy's data decides how much the decompressor writes. */
function checkSnappy(input: Uint8Array, length: number): void {
  let claimed = 0;
  for (let i = 0; i < 5 && i < input.length; i++) {
    claimed += (input[i] & 0x7f) * 2 ** (7 * i);
    if (input[i] < 0x80) break;
  }
  if (claimed !== length) throw new RangeError(`a page decompresses to ${claimed} bytes, not to ${length}`);
}

/** The header of a Zstandard frame decides how much the decompressor allocates. */
function checkZstd(input: Uint8Array, length: number): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint32(0, true) !== 0xfd2fb528) return;
  const flags = view.getUint8(4);
  const isSingle = (flags & 0x20) !== 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6];
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][flags & 3];
  let claimed: number;
  if (sizeBytes === 0) {
    const descriptor = view.getUint8(5);
    const base = 2 ** (10 + (descriptor >> 3));
    claimed = base + (base / 8) * (descriptor & 7) <= MAX_ZSTD_WINDOW ? 0 : Number.POSITIVE_INFINITY;
  } else if (sizeBytes === 1) claimed = view.getUint8(at);
  else if (sizeBytes === 2) claimed = view.getUint16(at, true) + 256;
  else if (sizeBytes === 4) claimed = view.getUint32(at, true);
  else claimed = Number(view.getBigUint64(at, true));
  if (claimed > length) throw new RangeError('a compressed page claims to be larger than the page');
}
