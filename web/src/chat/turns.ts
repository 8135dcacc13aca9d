import type { Message } from '../api/types.ts';
import type { Answer } from './answer-state.ts';

/** A prompt with its answers: one, or one for each of two alphas. */
export interface Turn {
  id: number;
  prompt: string;
  answers: Answer[];
}

/**
 * What a model has heard before a prompt, in the given column. A turn without an answer there (it failed, or only one
 * alpha was asked) is told with its first one, or left out.
 */
export function history(turns: Turn[], column: number): Message[] {
  return turns.flatMap(({ prompt, answers }) => {
    const said = answers[column] ?? answers[0];
    if (!said || said.text.trim() === '') return [];
    return [
      { role: 'user' as const, content: prompt },
      { role: 'assistant' as const, content: said.text },
    ];
  });
}
