import { contains, type Spelling, spelling } from './contains.js';
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

/** A marker in the form in which it is looked for. */
export interface Marker {
  spelling: Spelling;
  /** It must also stand like this in the response. */
  written?: RegExp;
}

// The same list serves thousands of questions.
const prepared = new WeakMap<readonly string[], Marker[]>();

/** Prepares markers for {@link holdsMarker}. One with a stroke must stand as it is written: "n/a" without it is sodium. */
export function prepareMarkers(markers: readonly string[]): Marker[] {
  const known = prepared.get(markers) ?? markers.map(prepare);
  prepared.set(markers, known);
  return known;
}

function prepare(marker: string): Marker {
  return {
    spelling: spelling(words(marker)),
    ...(marker.includes('/') && { written: asWritten(marker.trim()) }),
  };
}

function asWritten(marker: string): RegExp {
  const escaped = marker.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'iu');
}

/** Whether a response, of which `text` is the spelling of its words, holds the marker as whole words. */
export function holdsMarker(response: string, text: Spelling, marker: Marker): boolean {
  return contains(text, marker.spelling) && (marker.written?.test(response) ?? true);
}
