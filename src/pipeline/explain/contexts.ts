import type { Engine } from '../../engine/types.js';
import type { Context } from '../../report/explain/schema.js';
import { shorten } from '../../report/format.js';
import type { Case } from '../cases.js';
import { tokenSpans } from '../token-spans.js';
import type { Drive } from './peaks.js';

/** Characters shown on each side of the marked token. */
const AROUND = 90;

/**
 * The contexts that drive a neuron most and least, by the highest CETT that it has at a token of the question or of the response.
 *
 * @param drives of each case for this neuron
 * @param count  contexts wanted each way
 */
export async function contextsOf(
  engine: Engine,
  cases: Case[],
  drives: Drive[],
  count: number,
): Promise<{ most: Context[]; least: Context[] }> {
  const ranked = drives
    .map((drive, i) => ({ drive, one: cases[i] }))
    .filter(({ drive }) => drive.at >= 0)
    .sort((a, b) => Math.abs(b.drive.peak) - Math.abs(a.drive.peak) || (a.one.id < b.one.id ? -1 : 1));
  // Of few cases none is shown as both.
  const half = Math.min(count, Math.ceil(ranked.length / 2));
  const show = async (list: typeof ranked) => {
    const shown: Context[] = [];
    for (const { one, drive } of list) shown.push(await describe(engine, one, drive));
    return shown;
  };
  return {
    most: await show(ranked.slice(0, half)),
    least: await show(ranked.slice(Math.max(half, ranked.length - count)).reverse()),
  };
}

async function describe(engine: Engine, one: Case, { at, peak }: Drive): Promise<Context> {
  const { text, spans } = tokenSpans(await engine.pieces(one.token_ids));
  const first = spans[one.question_start ?? one.response_start].start;
  const { start, end } = spans[at];
  return {
    id: one.id,
    question: one.question,
    answer: one.answer,
    label: one.class,
    split: one.split,
    before: ending(text.slice(first, start)),
    marked: text.slice(start, end),
    after: shorten(text.slice(end), AROUND),
    where: at >= one.response_start ? 'response' : 'question',
    cett: Math.abs(peak),
    positive: peak > 0,
  };
}

/** The last characters of a text, with an ellipsis for what is cut. */
function ending(text: string): string {
  const characters = [...text];
  return characters.length <= AROUND ? text : `…${characters.slice(1 - AROUND).join('')}`;
}
