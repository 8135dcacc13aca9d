/** What a detector says about answers: whole, by sentence, span and token; and what is done about risky ones. */
export { answerRisk, type ReadTokens, type RiskSettings, riskVerdict } from './answer.js';
export { contentSpans } from './content-spans.js';
export * from './guard.js';
export { heldOutAnswers, readHeldOutAnswers } from './held-out.js';
export { type HeldOutAnswers, probabilityInterval } from './interval.js';
export { scoreWritten, type WrittenAnswer } from './score.js';
export { sentences } from './sentences.js';
export { type RiskStream, riskStream, type StreamedRisk } from './stream.js';
export { spansOfTexts } from './tokens.js';
export type * from './types.js';
