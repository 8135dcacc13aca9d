/** A question and the answer that a base model is shown. */
export interface Example {
  question: string;
  answer: string;
}

/**
 * The examples that a base model sees before each question: short answers of different kinds, ended by the line. They are of
 * the same form as built-in questions, which makes the answers of a small model more consistent (bench/question-balance);
 * those questions themselves, and all that mention one of these answers, are not in the built-in set.
 */
export const FEW_SHOT: readonly Example[] = [
  { question: 'What is the capital of France?', answer: 'Paris' },
  { question: 'In which country is the city of Munich?', answer: 'Germany' },
  { question: 'What is the chemical symbol of the element gold?', answer: 'Au' },
  { question: 'In which US state is the city of Houston?', answer: 'Texas' },
  { question: 'Who wrote the play "Hamlet"?', answer: 'William Shakespeare' },
  { question: 'What is the official language of Brazil?', answer: 'Portuguese' },
];
