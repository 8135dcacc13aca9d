import { contains, spelling } from './contains.js';
import { words } from './normalise.js';

/**
 * Phrases by which a response gives no answer. Compared as whole words after normalisation, so that `don't`, `don’t`
 * and `dont` are one. Phrases that often are part of an answer (a bare "can't", "no", "not") are left out.
 */
export const UNCERTAINTY_MARKERS: readonly string[] = [
  "don't know",
  'do not know',
  "doesn't know",
  'does not know',
  'not known',
  'unknown',
  'nobody knows',
  'no one knows',
  'not sure',
  'unsure',
  'uncertain',
  'unclear',
  'cannot',
  'can not',
  "I can't",
  "can't be determined",
  "can't answer",
  "can't say",
  "couldn't find",
  'could not find',
  'unable to',
  'not able to',
  'not provided',
  'not specified',
  'not stated',
  'not mentioned',
  'not given',
  'not available',
  'not enough information',
  'insufficient information',
  'need more information',
  'no information',
  'no answer',
  'no data',
  'no record',
  'no idea',
  "don't have",
  'do not have',
  'does not exist',
  "doesn't exist",
  'do not exist',
  'not exist',
  'as an AI',
  'I am sorry',
  'I apologize',
  'I apologise',
  'n/a',
];

/** Those of `markers` that a response contains as whole words. */
export function uncertaintyMarkers(
  response: string,
  markers: readonly string[] = UNCERTAINTY_MARKERS,
): string[] {
  const text = spelling(words(response));
  return markers.filter((marker) => contains(text, spelling(words(marker))));
}
