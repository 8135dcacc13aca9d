/** A question and the answer that a base model is shown. */
export interface Example {
  question: string;
  answer: string;
}

/**
 * The examples that a base model sees before each question: short answers of different kinds, ended by the line. None
 * of them is among the built-in questions.
 */
export const FEW_SHOT: readonly Example[] = [
  { question: 'Which planet is closest to the Sun?', answer: 'Mercury' },
  { question: 'Who wrote the play "Hamlet"?', answer: 'William Shakespeare' },
  { question: 'How many legs does a spider have?', answer: '8' },
  { question: 'What is the largest ocean on Earth?', answer: 'Pacific Ocean' },
  { question: 'Which gas do plants take in from the air?', answer: 'Carbon dioxide' },
];
