/**
 * The neurons of a language model that tell when it is making things up, as functions.
 *
 *     import { Detector, Model } from 'hneurons';
 *
 *     const model = await Model.open('gemma-3-270m', { threads: 1 });
 *     const detector = await Detector.load('runs/gemma-3-270m-builtin/detector.json');
 *     const [risk] = await detector.score(model, [{ question: 'What is the capital of Peru?', answer: 'Lima' }]);
 *     console.log(risk.verdict, risk.probability, risk.interval);
 *     await model.close();
 *
 * Mistakes and circumstances that one can do something about are thrown as {@link UserError}, with one line that says what.
 */
export { UserError } from './errors.js';
export {
  Detector,
  type ExportKind,
  type ExportOptions,
  type QuestionAnswer,
  type WeightedNeuron,
} from './library/detector.js';
export { type FindOptions, find, type Run } from './library/find.js';
export { type AnswerOptions, type Message, Model, type OpenOptions } from './library/model.js';
export type { Answer, AnswerStream, AnswerToken } from './library/stream.js';
export type { RunEvent } from './pipeline/events.js';
export type { StageName } from './pipeline/manifest.js';
export {
  type AnswerRisk,
  answerRisk,
  contentSpans,
  type GuardAttempt,
  type Guarded,
  type GuardMode,
  type GuardOptions,
  guarded,
  type ReadTokens,
  type RiskSettings,
  type RiskSpan,
  type RiskStream,
  type RiskVerdict,
  riskStream,
  type StreamedRisk,
  sentences,
  type TextSpan,
  type TokenRisk,
} from './risk/index.js';
