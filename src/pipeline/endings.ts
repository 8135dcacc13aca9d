import { finalAnswer } from '../engine/text/thought.js';
import { UserError } from '../errors.js';
import type { Response } from './responses.js';
import type { AskedSample } from './sampler.js';
import type { CollectSettings } from './settings.js';

/** Responses seen before a run can be stopped. */
const MIN_SEEN = 20;
/** Share of responses without an ending above which a run is stopped, or told of. */
const MAX_SHARE = 0.1;

/** Marks a sample that ends inside a thought: it has no answer to judge. */
export function markUnfinished<S extends Pick<AskedSample, 'text' | 'unfinished'>>(sample: S): S {
  if (sample.unfinished || finalAnswer(sample.text) !== undefined) return sample;
  return { ...sample, unfinished: true };
}

/**
 * Stops a run whose responses end inside a thought: of a model that thinks, the run would find questions with short thoughts.
 * @returns takes each response as it comes; throws a UserError once more than a tenth of them, and of twenty at least, have no answer
 */
export function createThoughtCheck({
  maxTokens,
}: Pick<CollectSettings, 'maxTokens'>): (isUnfinished: boolean) => void {
  let seen = 0;
  let unfinished = 0;
  return (isUnfinished) => {
    seen++;
    if (isUnfinished) unfinished++;
    if (seen < MIN_SEEN || unfinished <= MAX_SHARE * seen) return;
    throw new UserError(
      `${unfinished} of the first ${seen} responses end inside a thought, before any answer (limit: ${maxTokens} tokens): ` +
        'the model thinks before it answers; raise --max-tokens (1024, say), use --prompt-style few-shot, or another model',
    );
  };
}

/** How responses ended; counts that are zero are left out, so that records of other runs stay as they are. */
export function countEndings(responses: Iterable<Response>): { cutOff?: number; unfinished?: number } {
  let cutOff = 0;
  let unfinished = 0;
  for (const { samples } of responses) {
    for (const sample of samples) {
      if (sample.unfinished) unfinished++;
      else if (sample.finish === 'length' && sample.verdict === 'wrong') cutOff++;
    }
  }
  return { ...(cutOff > 0 && { cutOff }), ...(unfinished > 0 && { unfinished }) };
}

/** What must be known about how responses ended, a line each. */
export function endingNotes(responses: readonly Response[], { maxTokens }: { maxTokens: number }): string[] {
  const { cutOff = 0, unfinished = 0 } = countEndings(responses);
  const samples = responses.reduce((sum, response) => sum + response.samples.length, 0);
  const notes: string[] = [];
  if (unfinished > 0) {
    notes.push(
      `${unfinished} of ${samples} responses end inside a thought (limit: ${maxTokens} tokens): not judged, and their questions left out`,
    );
  }
  if (cutOff > MAX_SHARE * samples) {
    notes.push(
      `${cutOff} of ${samples} responses were cut off at ${maxTokens} tokens before they gave an accepted answer, and count as made up; ` +
        'a right answer may have been on its way',
    );
  }
  return notes;
}
