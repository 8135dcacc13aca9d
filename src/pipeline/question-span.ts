import type { Engine } from '../engine/types.js';
import { tokenSpans, tokensOf } from './token-spans.js';

/** Where a question's own text lies in its prompt, as token positions; `question_end` not included. */
export interface QuestionSpan {
  question_start: number | null;
  question_end: number | null;
}

/**
 * Finds each question in its prompt by character offsets, whatever stands around it (worked examples, a chat template): the
 * last place where it stands, white space at its ends aside. Null where the prompt does not hold it as it is, because the
 * template or the tokenizer changes it.
 */
export async function locateQuestions(
  engine: Pick<Engine, 'pieces'>,
  items: { question: string; prompt: ArrayLike<number> }[],
): Promise<QuestionSpan[]> {
  const tokens = [...new Set(items.flatMap(({ prompt }) => Array.from(prompt)))];
  const bytes = await engine.pieces(tokens);
  const pieces = new Map(tokens.map((token, i) => [token, bytes[i]]));
  return items.map(({ question, prompt }) => {
    const { text, spans } = tokenSpans(Array.from(prompt, (token) => pieces.get(token)!));
    const wanted = question.trim();
    const start = wanted === '' ? -1 : text.lastIndexOf(wanted);
    const found = start < 0 ? undefined : tokensOf(spans, start, start + wanted.length);
    return { question_start: found?.start ?? null, question_end: found?.end ?? null };
  });
}
