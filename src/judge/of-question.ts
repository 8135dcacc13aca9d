import { createFabricatedJudge } from './fabricated.js';
import { createJudge, type JudgeOptions, type Verdict } from './rule.js';

/** What the rule needs of a question. */
export interface JudgedQuestion {
  /** Accepted answers; of a choice the letter; of a fabricated question none. */
  aliases: readonly string[];
  kind?: 'fabricated' | 'choice';
}

/** The rule that judges responses to a question: by its accepted answers, or, about what does not exist, by whether any answer is given. */
export function judgeOf(
  { aliases, kind }: JudgedQuestion,
  options: JudgeOptions = {},
): (response: string) => Verdict {
  return kind === 'fabricated' ? createFabricatedJudge(options.markers) : createJudge(aliases, options);
}
