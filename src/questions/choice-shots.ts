import type { Example } from './few-shot.js';

/**
 * Examples with options for base models: the facts of {@link FEW_SHOT}, each letter right about as often, so that none is
 * suggested.
 */
export const CHOICE_SHOTS: readonly Example[] = [
  {
    question: withOptions('What is the capital of France?', ['Lyon', 'Paris', 'Nice', 'Lille']),
    answer: 'B',
  },
  {
    question: withOptions('In which country is the city of Munich?', [
      'Austria',
      'Poland',
      'Denmark',
      'Germany',
    ]),
    answer: 'D',
  },
  {
    question: withOptions('What is the chemical symbol of the element gold?', ['Au', 'Go', 'Gd', 'Ag']),
    answer: 'A',
  },
  {
    question: withOptions('Who wrote the play "Hamlet"?', [
      'John Milton',
      'Geoffrey Chaucer',
      'William Shakespeare',
      'Oscar Wilde',
    ]),
    answer: 'C',
  },
];

/** A question with its options under it, a letter before each. */
export function withOptions(question: string, options: readonly string[]): string {
  return [question, ...options.map((option, i) => `${letterOf(i)}. ${option}`)].join('\n');
}

/** The letter of option `index`: A, B, C, … */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index);
}
