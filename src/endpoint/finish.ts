/**
 * How an answer ended. `stop`: the model or a stop string ended it; `length`: cut off at the token limit; `broken`: cut off by the
 * server (filtered, aborted, failed), or a call of tools in place of an answer.
 */
export type Ending = 'stop' | 'length' | 'broken';

/** What servers write for "not ended yet", besides null. */
const NOT_ENDED = new Set(['', 'null', 'none', 'undefined']);
const CUT_OFF =
  /^(?:length|limit|incomplete|(?:max|token|model|context)_.*|.*_(?:length|limit|exceeded|tokens)|maxtokens)$/;
const BROKEN =
  /^(?:.*filter.*|safety|recitation|refusal|blocked|blocklist|prohibited.*|sensitive|spii|(?:tool|function)_(?:calls?|use)|.*error.*|abort.*|cancel.*|timeout|failed|failure|insufficient_.*)$/;

/**
 * Reads a `finish_reason`, as OpenAI's API and other servers write it.
 * @returns undefined while the answer has not ended. Reasons that are not known are a stop.
 */
export function endingOf(reason: unknown): Ending | undefined {
  if (typeof reason !== 'string') return undefined;
  const name = reason.trim().toLowerCase();
  if (NOT_ENDED.has(name)) return undefined;
  if (CUT_OFF.test(name)) return 'length';
  return BROKEN.test(name) ? 'broken' : 'stop';
}
