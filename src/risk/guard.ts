/** What is done about an answer whose risk is at or above the threshold. */
export type GuardMode = 'annotate' | 'retry' | 'abstain';
export const GUARD_MODES: readonly GuardMode[] = ['annotate', 'retry', 'abstain'];

/** What stands in place of an answer that is held back. */
export const ABSTENTION = "I'm not sure about the answer.";

/** How often an answer is asked for again at most. */
export const GUARD_RETRIES = 3;

/** How one attempt at an answer is to be generated. */
export interface GuardAttempt {
  /** 0: as the request says. */
  attempt: number;
  /** What the activations of the H-Neurons are multiplied with. */
  alpha: number;
}

/** What the guard needs to know of a generated answer. */
export interface Candidate {
  /** null: nothing to score, as with an empty answer. */
  probability: number | null;
}

export interface Guarded<T> {
  answer: T;
  /** Attempts after the first one. */
  retries: number;
  /** The answer is to be replaced with {@link ABSTENTION}. */
  abstained: boolean;
}

export interface GuardOptions {
  mode: GuardMode;
  /** The probability from which on an answer is too risky. */
  threshold: number;
  /** Of the request: with 0 the same alpha gives the same answer again. */
  temperature: number;
  /** Of the request; default 1. */
  alpha?: number;
  /** Default {@link GUARD_RETRIES}. */
  retries?: number;
}

/**
 * How the attempts at one answer differ. With a temperature each is another sample; a greedy answer would come out the same,
 * so alpha is lowered in equal steps towards 0 (which is not reached); at alpha 0 nothing is left to lower, and there is one attempt.
 */
export function guardAttempts(options: GuardOptions): GuardAttempt[] {
  const { mode, temperature, alpha = 1, retries = GUARD_RETRIES } = options;
  const differ = temperature > 0 || alpha > 0;
  const count = mode === 'retry' && differ ? retries : 0;
  return Array.from({ length: count + 1 }, (_, attempt) => ({
    attempt,
    alpha: temperature > 0 ? alpha : alpha * (1 - attempt / (count + 1)),
  }));
}

/** Whether the guard lets an answer pass. One without anything to score says nothing that could be wrong. */
export function passes({ probability }: Candidate, threshold: number): boolean {
  return probability === null || probability < threshold;
}

/**
 * Generates an answer under a guard. `annotate`: the first one, whatever its risk. `retry`: the first one below the threshold,
 * or else the least risky of all. `abstain`: the first one, held back when it is too risky.
 *
 * @param generate makes the answer of an attempt; its rejection ends the whole
 */
export async function guarded<T extends Candidate>(
  options: GuardOptions,
  generate: (attempt: GuardAttempt) => Promise<T>,
): Promise<Guarded<T>> {
  const { mode, threshold } = options;
  let best: T | undefined;
  let retries = 0;
  for (const attempt of guardAttempts(options)) {
    const answer = await generate(attempt);
    retries = attempt.attempt;
    if (best === undefined || risk(answer) < risk(best)) best = answer;
    if (passes(answer, threshold)) break;
  }
  const answer = best!;
  return { answer, retries, abstained: mode === 'abstain' && !passes(answer, threshold) };
}

const risk = ({ probability }: Candidate) => probability ?? 0;
