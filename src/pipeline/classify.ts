import type { Verdict } from '../judge/rule.js';

/** What a question is for: its class, or why it has none (method.md section 1). */
export type QuestionClass = 'faithful' | 'hallucinated' | 'mixed' | 'uncertain';
export type Wanted = 'faithful' | 'hallucinated';

export interface ClassLimits {
  samples: number;
  /** A question with at least this many correct samples is faithful. */
  minCorrect: number;
  /** One with at most this many correct samples is hallucinated. */
  maxCorrect: number;
}

/** The class of a question all of whose samples are judged. A single uncertain sample drops it. */
export function classify(verdicts: Verdict[], limits: ClassLimits): QuestionClass {
  if (verdicts.includes('uncertain')) return 'uncertain';
  const correct = verdicts.filter((verdict) => verdict === 'correct').length;
  if (correct >= limits.minCorrect) return 'faithful';
  return correct <= limits.maxCorrect ? 'hallucinated' : 'mixed';
}

/** The classes that a question with these verdicts so far, in any order, can still get. */
export function possibleClasses(verdicts: Verdict[], limits: ClassLimits): Wanted[] {
  if (verdicts.includes('uncertain')) return [];
  const correct = verdicts.filter((verdict) => verdict === 'correct').length;
  const wrong = verdicts.length - correct;
  const possible: Wanted[] = [];
  if (limits.samples - wrong >= limits.minCorrect) possible.push('faithful');
  if (correct <= limits.maxCorrect) possible.push('hallucinated');
  return possible;
}

/**
 * The class of a question that was given up early: what its verdicts so far already decide. Undefined when it was
 * stopped for another reason (its class was full) and could still have had a class.
 */
export function decidedClass(verdicts: Verdict[], limits: ClassLimits): QuestionClass | undefined {
  if (verdicts.length === limits.samples) return classify(verdicts, limits);
  if (possibleClasses(verdicts, limits).length > 0) return undefined;
  return verdicts.includes('uncertain') ? 'uncertain' : 'mixed';
}
