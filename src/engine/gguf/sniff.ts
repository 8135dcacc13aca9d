/** What people name a model file by mistake, told by its first bytes. `advice` ends the message. */
export interface Guess {
  kind: string;
  advice: string;
}

const CONVERT = 'convert it with convert_hf_to_gguf.py of llama.cpp, or download the model as GGUF';
const DOWNLOAD = 'download the GGUF file itself';

const startsWith =
  (...prefixes: string[]) =>
  (bytes: Buffer) =>
    prefixes.some((prefix) => bytes.subarray(0, prefix.length).equals(Buffer.from(prefix, 'latin1')));

const startsWithText =
  (...prefixes: string[]) =>
  (bytes: Buffer) => {
    const text = bytes.toString('latin1').trimStart().toLowerCase();
    return prefixes.some((prefix) => text.startsWith(prefix));
  };

const GUESSES: [test: (bytes: Buffer) => boolean, kind: string, advice: string][] = [
  [startsWith('FUGG'), 'a big-endian GGUF file', 'download the little-endian one'],
  [
    startsWith('lmgg', 'tjgg', 'fmgg', 'algg'),
    'a GGML file from before GGUF',
    'download the model as GGUF; llama.cpp no longer reads that format',
  ],
  [isSafetensors, 'a safetensors file', CONVERT],
  [startsWith('PK\x03\x04'), 'a zip archive, perhaps a PyTorch checkpoint', CONVERT],
  [isPickle, 'a Python pickle, perhaps a PyTorch checkpoint', CONVERT],
  [startsWith('\x89HDF'), 'an HDF5 file', CONVERT],
  [
    startsWith('version https://git-lfs'),
    'a git-lfs pointer, not the file that it stands for',
    'run "git lfs pull", or download the file from the model page',
  ],
  [startsWithText('<!doctype', '<html', '<?xml', '<error'), 'a web page', DOWNLOAD],
  [startsWithText('{', '['), 'a JSON file', DOWNLOAD],
  [
    startsWith('\x1f\x8b', '\x28\xb5\x2f\xfd', '\xfd7zXZ', 'BZh', '7z\xbc\xaf'),
    'a compressed file',
    'unpack it first',
  ],
  [
    (bytes) => bytes.every((byte) => byte === 0),
    'a file of zeros, perhaps a download that was cut off',
    'download it again',
  ],
];

/** Guesses from the first bytes of a file (64 are enough) what it is, where it is no GGUF. */
export function guessFormat(head: Buffer): Guess | undefined {
  const found = GUESSES.find(([test]) => test(head));
  return found && { kind: found[1], advice: found[2] };
}

/** Protocols 2 to 5 begin with the byte 0x80 and their number. */
function isPickle(bytes: Buffer): boolean {
  return bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

/** An 8-byte header length, then JSON. */
function isSafetensors(bytes: Buffer): boolean {
  return bytes.length > 9 && bytes.readUInt16LE(6) === 0 && bytes[8] === 0x7b;
}
