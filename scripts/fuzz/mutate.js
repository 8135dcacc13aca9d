/** How a file is changed. Every change keeps the rest of the file as it is, so that its reader comes far. */
import { TEMPLATE_ROOM, TEMPLATE_TEXT } from './bases.js';

const TEXT_KINDS = new Set(['csv', 'json', 'jsonl', 'judged', 'detector']);
const EXTREME_NUMBERS = [
  ...[
    '0',
    '-1',
    '1e999',
    '-1e999',
    '1e-400',
    '1e308',
    '999999999999999999999',
    '1000000000000',
    '4294967296',
  ],
  ...['2147483647', '-2147483648', 'NaN', 'Infinity', 'null', 'true', '""', '[]', '{}', '0.1', '65536'],
];
const EXTREME_BYTES = [0, 1, 2, 127, 128, 129, 254, 255];

/**
 * A changed copy of a file.
 * @param bases the undamaged files of the kind
 */
export function mutate(kind, bases, random) {
  if (kind === 'template') return mutateTemplate(bases[0], random);
  let bytes = Buffer.from(random.pick(bases));
  const strategies = TEXT_KINDS.has(kind)
    ? [...BYTE_CHANGES, ...TEXT_CHANGES, ...TEXT_CHANGES]
    : BYTE_CHANGES;
  const weighted =
    kind === 'npy' || kind === 'safetensors'
      ? [...strategies, changeHeaderText, changeHeaderText]
      : strategies;
  for (let count = random.pick([1, 1, 1, 2, 4]); count > 0; count--) {
    bytes = random.pick(weighted)(bytes, random, bases, kind);
  }
  return bytes;
}

/** A place in the file: most fields that say how the rest is read lie at its ends. */
function place(bytes, random, kind) {
  const near = Math.min(bytes.length, kind === 'gguf' ? 6000 : 600);
  if (kind === 'gguf' && random.next() < 0.8) return random.below(near);
  const side = random.next();
  if (side < 0.3) return random.below(near);
  if (side < 0.6) return bytes.length - 1 - random.below(near);
  return random.below(bytes.length);
}

function changed(bytes, at, patch) {
  const copy = Buffer.from(bytes);
  Buffer.from(patch).copy(copy, Math.max(0, Math.min(at, copy.length - patch.length)));
  return copy;
}

const BYTE_CHANGES = [
  function flipBit(bytes, random, _, kind) {
    const at = place(bytes, random, kind);
    return bytes.length === 0 ? bytes : changed(bytes, at, [bytes[at] ^ (1 << random.below(8))]);
  },
  function setByte(bytes, random, _, kind) {
    return changed(bytes, place(bytes, random, kind), [random.pick([...EXTREME_BYTES, random.below(256)])]);
  },
  function setNumber(bytes, random, _, kind) {
    const value = random.pick([
      0n,
      1n,
      2n ** 31n - 1n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 40n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
      BigInt(bytes.length),
      BigInt(random.below(300)),
    ]);
    const patch = Buffer.alloc(8);
    patch.writeBigUInt64LE(value);
    return changed(bytes, place(bytes, random, kind), patch.subarray(0, random.pick([4, 8])));
  },
  function setFloat(bytes, random, _, kind) {
    const patch = Buffer.alloc(8);
    const value = random.pick([Number.NaN, Number.POSITIVE_INFINITY, -0, 1e308, -1e-310]);
    if (random.below(2)) patch.writeFloatLE(value);
    else patch.writeDoubleLE(value);
    return changed(bytes, place(bytes, random, kind), random.below(2) ? patch : patch.subarray(0, 4));
  },
  function setVarint(bytes, random, _, kind) {
    const value = random.pick([
      [0],
      [1],
      [255, 255, 255, 255, 15],
      [254, 255, 255, 255, 15],
      [128, 128, 128, 128, 8],
      [255, 1],
      [255, 255, 127],
    ]);
    return changed(bytes, place(bytes, random, kind), value);
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function remove(bytes, random, _, kind) {
    const at = place(bytes, random, kind);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(16))]);
  },
  function repeat(bytes, random, _, kind) {
    const at = place(bytes, random, kind);
    return Buffer.concat([bytes.subarray(0, at + 1 + random.below(64)), bytes.subarray(at)]);
  },
  function splice(bytes, random, bases, kind) {
    const other = random.pick(bases);
    const from = place(other, random, kind);
    const part = other.subarray(from, from + 1 + random.below(64));
    return changed(bytes, place(bytes, random, kind), part.subarray(0, Math.min(part.length, bytes.length)));
  },
];

function replaceMatch(bytes, random, pattern, replacement, limit = bytes.length) {
  const text = bytes.toString('latin1', 0, limit);
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return bytes;
  const { index, 0: match } = random.pick(matches);
  const changedText = Buffer.from(
    `${text.slice(0, index)}${replacement(match)}${text.slice(index + match.length)}`,
    'latin1',
  );
  return Buffer.concat([changedText, bytes.subarray(limit)]);
}

const TEXT_CHANGES = [
  function changeNumber(bytes, random) {
    return replaceMatch(bytes, random, /-?\d+(\.\d+)?/g, () => random.pick(EXTREME_NUMBERS));
  },
  function changeKey(bytes, random) {
    const keys = [...bytes.toString('latin1').matchAll(/"[a-zA-Z_]+"/g)].map(([key]) => key);
    return keys.length === 0 ? bytes : replaceMatch(bytes, random, /"[a-zA-Z_]+"/g, () => random.pick(keys));
  },
  function changeToken(bytes, random) {
    const tokens = [
      '"',
      ',',
      '\n',
      '{',
      '}',
      '[',
      ']',
      '\\',
      '\\u0000',
      '\0',
      '\x1b[31m',
      '\xff\xfe',
      '\xef\xbb\xbf',
      '__proto__',
      ':',
      '|',
      'null',
    ];
    return replaceMatch(bytes, random, /[",:{}[\]\n]/g, () => random.pick(tokens));
  },
  function lengthen(bytes, random) {
    const length = random.pick([1000, 70_000, 1_100_000]);
    return replaceMatch(bytes, random, /[a-z]+/g, (word) => word.repeat(Math.ceil(length / word.length)));
  },
  function nest(bytes, random) {
    const depth = random.pick([10, 5000]);
    return replaceMatch(
      bytes,
      random,
      /"[^"]*"|\d+/g,
      (value) => '['.repeat(depth) + value + ']'.repeat(depth),
    );
  },
];

/** Of a file with a header of text in front of numbers. */
function changeHeaderText(bytes, random) {
  const limit = Math.min(bytes.length, 300);
  const change = random.below(3);
  if (change === 0) return replaceMatch(bytes, random, /\d+/g, () => random.pick(EXTREME_NUMBERS), limit);
  const names = [
    'F64',
    'I64',
    'BF16',
    'f4',
    'f8',
    'f2',
    'i8',
    'O',
    'U8',
    'BOOL',
    'True',
    'False',
    't',
    'other',
    '__metadata__',
  ];
  if (change === 1) return replaceMatch(bytes, random, /[A-Za-z_]\w*/g, () => random.pick(names), limit);
  return replaceMatch(
    bytes,
    random,
    /[[\](),:{}]/g,
    () => random.pick(['[', ']', ',', ' ', '-', '(', ')', '{']),
    limit,
  );
}

const TEMPLATE_PARTS = [
  ...[
    '{% for i in range(1000000000) %}x{% endfor %}',
    '{% for i in range(10000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
  ],
  ...[
    "{{ 'x' * 1000000000 }}",
    "{{ 'xxxxxxxx' | replace('x', 'xxxxxxxxxxxxxxxx') }}",
    "{% set ns = namespace(s='xx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
  ],
  ...[
    '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}',
    '{{ messages | tojson(indent=4) }}',
    '{{ messages[0].constructor }}',
    '{{ strftime_now("%Y") }}',
  ],
  ...[
    '{% if %}',
    '{% endfor %}',
    '{{',
    '}}',
    '{%',
    '{{ 1 / 0 }}',
    '{{ undefined.x.y }}',
    "{{ '\\x1b[31m' }}",
    '{{ [1, 2, 3][10:0:-1] }}',
    '{{ messages[99].content }}',
  ],
  ...[
    '{{ raise_exception("no") }}',
    '{{ "a" ~ none }}',
    '{% break %}',
    '{% set messages = [] %}',
    '{{ messages | sort | join(",") }}',
    '{{ "%s" | format(1) }}',
  ],
];

/** The template is changed within its room in the file, which is padded with spaces. */
function mutateTemplate(model, random) {
  let text = TEMPLATE_TEXT;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(text.length);
    const change = random.below(4);
    if (change === 0) text = text.slice(0, at) + random.pick(TEMPLATE_PARTS) + text.slice(at);
    else if (change === 1) text = text.slice(0, at) + text.slice(at + 1 + random.below(12));
    else if (change === 2)
      text =
        text.slice(0, at) +
        random.pick(['{', '}', '%', "'", '|', '(', ')', '[', '.', '\n', '-']) +
        text.slice(at + 1);
    else {
      const tags = [...text.matchAll(/\{%.*?%\}|\{\{.*?\}\}/g)];
      const { index, 0: tag } = tags.length > 0 ? random.pick(tags) : { index: 0, 0: '' };
      text =
        text.slice(0, index) +
        random.pick([random.pick(TEMPLATE_PARTS), tag + tag, '']) +
        text.slice(index + tag.length);
    }
  }
  const start = model.indexOf(TEMPLATE_TEXT);
  const room = Buffer.from(text).subarray(0, TEMPLATE_ROOM);
  return Buffer.concat([
    model.subarray(0, start),
    room,
    Buffer.alloc(TEMPLATE_ROOM - room.length, ' '),
    model.subarray(start + TEMPLATE_ROOM),
  ]);
}
