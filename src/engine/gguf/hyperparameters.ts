import { UserError } from '../../errors.js';
import type { GgufValue, Metadata } from './types.js';
import { numberAt, printable } from './values.js';

/** Range of a number in the metadata. llama.cpp itself takes any number, and then computes NaN, nonsense, or without end. */
interface Rule {
  key: RegExp;
  low: number;
  high: number;
  /** The low end is excluded. */
  above?: boolean;
  whole?: boolean;
}

/**
 * Ranges that hold for every model that is known, by the key without its architecture. 0 stands for "not used" in scales and
 * windows.
 */
const RULES: readonly Rule[] = [
  { key: /epsilon$/, low: 0, high: 0.1, above: true },
  { key: /^rope\..*freq_base/, low: 1, high: 1e15 },
  { key: /^rope\.(scaling\.factor|scale_linear)$/, low: 0, high: 1e6 },
  { key: /^rope\.scaling\.(attn_factor|yarn_)/, low: -1e3, high: 1e6 },
  { key: /^rope\.dimension_count(_swa)?$/, low: 2, high: 65_536, whole: true },
  { key: /^attention\.(key|value)_length(_swa|_mla)?$/, low: 1, high: 65_536, whole: true },
  { key: /^attention\.head_count(_kv)?$/, low: 0, high: 65_536, whole: true },
  { key: /^attention\.sliding_window$/, low: 0, high: 2 ** 32, whole: true },
  { key: /^context_length$/, low: 1, high: 2 ** 31 - 1, whole: true },
  { key: /^(logit|embedding|residual)_scale$|^attention\.scale$/, low: -1e6, high: 1e6 },
  { key: /softcapping$|^attention\.(clamp_kqv|max_alibi_bias)$/, low: 0, high: 1e9 },
];

/**
 * Checks the numbers that a model computes with.
 * @throws UserError that names the entry: not finite, out of range, or heads that do not divide
 */
export function checkHyperparameters(
  { metadata, path }: { metadata: Metadata; path: string },
  architecture: string,
  hidden: number,
): void {
  const refuse = (key: string, reason: string): never => {
    throw new UserError(`${path}: the file is damaged: ${printable(key)} ${reason}; download it again`);
  };
  const own = `${architecture}.`;
  for (const [key, value] of metadata) {
    const name = key.startsWith(own) ? key.slice(own.length) : undefined;
    const numbers = numbersOf(value);
    if (name === undefined || numbers === undefined) continue;
    const rule = RULES.find((one) => one.key.test(name));
    for (const number of numbers) {
      if (!Number.isFinite(number)) refuse(key, `is ${number}`);
      if (rule && !within(rule, number)) refuse(key, `is ${number}, expected ${describe(rule)}`);
    }
  }
  checkHeads(metadata, own, hidden, refuse);
  const scores = metadata.get('tokenizer.ggml.scores');
  if (scores && numbersOf(scores)?.some(Number.isNaN)) refuse('tokenizer.ggml.scores', 'holds NaN');
}

/** Heads that are the same in all layers: they share out the hidden state, and the key heads among them. */
function checkHeads(
  metadata: Metadata,
  own: string,
  hidden: number,
  refuse: (key: string, reason: string) => never,
): void {
  const key = `${own}attention.head_count`;
  const heads = numberAt(metadata, key);
  if (heads === undefined) return;
  if (heads === 0) refuse(key, 'is 0');
  const shared = numberAt(metadata, `${key}_kv`);
  if (shared !== undefined && shared > 0 && heads % shared !== 0) {
    refuse(`${key}_kv`, `is ${shared}, which does not divide the ${heads} heads`);
  }
  const length = numberAt(metadata, `${own}attention.key_length`);
  if (length === undefined && hidden % heads !== 0) {
    refuse(key, `is ${heads}, which does not divide the hidden size of ${hidden}`);
  }
  const rotated = numberAt(metadata, `${own}rope.dimension_count`) ?? 0;
  const size = length ?? hidden / heads;
  if (rotated > size || rotated % 2 !== 0) {
    refuse(
      `${own}rope.dimension_count`,
      `is ${rotated}, expected an even number up to the head size of ${size}`,
    );
  }
}

const within = ({ low, high, above, whole }: Rule, value: number): boolean =>
  (above ? value > low : value >= low) && value <= high && (!whole || Number.isInteger(value));

const describe = ({ low, high, above, whole }: Rule): string =>
  `${whole ? 'a whole number' : 'a number'} ${above ? 'above' : 'from'} ${low} to ${high}`;

/** The number of an entry, or the numbers of its array; undefined for any other kind. */
function numbersOf(entry: GgufValue): number[] | Float32Array | undefined {
  if (entry.type === 'string' || entry.type === 'bool') return undefined;
  if (entry.type !== 'array') return [Number(entry.value)];
  if (entry.items === 'string' || entry.items === 'array' || entry.items === 'bool') return undefined;
  if (entry.value instanceof Float32Array) return entry.value;
  return Array.from<number | bigint, number>(entry.value, Number);
}
