import type { Example } from '../engine/text/prompt.js';
import { builtinQuestions } from './builtin.js';
import { countries, inSentence } from './countries.js';

/** One of the facts that a prompt asks for. */
export interface Fact {
  /** Id of the built-in question about the same fact alone. */
  id: string;
  /** What the fact is called in the prompt, and in an answer that keeps to the form. */
  label: string;
  /** Accepted answers. */
  aliases: string[];
}

/** A prompt that asks for several facts at once, each of which is right or wrong by rule. */
export interface MultiFactPrompt {
  id: string;
  question: string;
  facts: Fact[];
}

const LABELS = ['capital', 'currency', 'language'];

/** Worked examples for base models, which give the answer its form. */
export const MULTI_FACT_SHOTS: readonly Example[] = [
  {
    question: 'Give the capital, currency and language of Poland.',
    answer: 'capital: Warsaw; currency: zloty; language: Polish',
  },
  { question: 'Give the capital and language of Ecuador.', answer: 'capital: Quito; language: Spanish' },
  {
    question: 'Give the capital, currency and language of Thailand.',
    answer: 'capital: Bangkok; currency: baht; language: Thai',
  },
];
const SHOWN = new Set(['PL', 'EC', 'TH']);

/**
 * "Give the capital, currency and language of Peru.": one prompt for each country with at least two of these facts among the
 * built-in questions. A fact is left out where it has no answer beyond doubt (a country with two currencies).
 */
export function multiFactPrompts(): MultiFactPrompt[] {
  const known = new Map(builtinQuestions().map((question) => [question.id, question]));
  return countries().flatMap(({ cca2, name }): MultiFactPrompt[] => {
    const facts = LABELS.flatMap((label): Fact[] => {
      const id = `${label}/${cca2}`;
      const question = known.get(id);
      return question ? [{ id, label, aliases: question.aliases }] : [];
    });
    if (facts.length < 2 || SHOWN.has(cca2)) return [];
    const asked = facts.map(({ label }) => label);
    const list = `${asked.slice(0, -1).join(', ')} and ${asked.at(-1)}`;
    return [{ id: `facts/${cca2}`, question: `Give the ${list} of ${inSentence(name.common)}.`, facts }];
  });
}

/** Where each fact stands in an answer of the form "capital: Lima; currency: sol": the part behind its label, up to the next one. */
export function factParts(
  answer: string,
  facts: readonly Fact[],
): ({ start: number; end: number } | undefined)[] {
  return facts.map(({ label }) => {
    const match = new RegExp(`(?:^|[\\s;,(])${label}\\s*[:=]\\s*([^;\\n]+)`, 'iu').exec(answer);
    if (!match) return undefined;
    const end = match.index + match[0].length;
    return { start: end - match[1].length, end };
  });
}
