import type { Metadata } from './types.js';
import { stringAt, stringsAt } from './values.js';

const TUNED =
  /\b(?:instruct(?:ed|ion)?|chat|it|sft|dpo|ppo|rlhf|orpo|kto|thinking|think|reason(?:er|ing)?|assistant|coder?-?instruct|math|vl|omni|r1|qwq|hermes|dolphin|distill?|zephyr|tuned)\b/i;
const BASE = /\b(?:base|pt|pretrain(?:ed)?|foundation)\b/i;
/** Families whose base models have no mark in their name, and carry a chat template all the same. */
const UNMARKED_FAMILY = /\bqwen[ -]?(?:1\.5|2(?:\.5)?)[ -]\d+(?:\.\d+)?b\b/i;

/**
 * Why a file that carries a chat template looks like a base model; undefined where nothing says so. The template alone tells nothing:
 * tokenizers of base models are published with it.
 */
export function baseModelSign(metadata: Metadata, path: string): string | undefined {
  const file = path.replace(/^.*[/\\]/, '');
  const named = ['general.name', 'general.finetune', 'general.basename'].map(
    (key) => stringAt(metadata, key) ?? '',
  );
  const tags = stringsAt(metadata, 'general.tags');
  const words = [...named, file].map((text) => text.replace(/_/g, ' '));
  if (words.some((text) => TUNED.test(text))) return undefined;
  for (let i = 0; i < (tags?.length ?? 0); i++)
    if (/^(?:chat|conversational)$/i.test(tags?.at(i) ?? '')) return undefined;
  const marked = words.find((text) => BASE.test(text));
  if (marked !== undefined) return `it is called "${marked}"`;
  const family = words.find((text) => UNMARKED_FAMILY.test(text));
  return family === undefined ? undefined : `"${family}" has no "Instruct" or "Chat" in its name`;
}
