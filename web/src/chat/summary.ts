import type { Verdict } from '../api/types.ts';
import type { Answer } from './answer-state.ts';
import { percent } from './words.ts';

export const VERDICTS: Record<Verdict, string> = {
  faithful: 'probably faithful',
  hallucinated: 'probably made up',
  uncertain: 'could be either',
};

/** A number of alpha as it is said: "1", "0.5". */
export function alphaName(alpha: number): string {
  return alpha === 1 ? 'as the model is' : `alpha ${Number(alpha.toFixed(2))}`;
}

/** What a screen reader is told when answers have ended. */
export function summary(answers: Answer[]): string {
  return answers
    .map(({ state, text, score, failure, question }) => {
      const which = answers.length > 1 ? `${alphaName(question.alpha)}: ` : '';
      if (state === 'failed') return `${which}No answer. ${failure?.message ?? ''}`;
      const shown = text.length > 300 ? `${text.slice(0, 300)} and so on` : text.trim() || 'an empty answer';
      const risk = !score
        ? ''
        : score.probability === null
          ? ' There was nothing to score.'
          : ` Risk ${percent(score.probability)}, ${VERDICTS[score.verdict]}.`;
      return `${which}${state === 'stopped' ? 'Stopped' : 'Answer'}: ${shown}.${risk}`;
    })
    .join(' ');
}
