import { answer } from '../api/client.ts';
import { asFailure, type Failure } from '../api/failure.ts';
import type { Chunk, Place, Question, Score, TokenRisk } from '../api/types.ts';

/** One answer on the page, from the moment it is asked for. */
export interface Answer {
  question: Question;
  state: 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  text: string;
  /** By index; risks come a little after their text, so some may be missing. */
  tokens: (TokenRisk | undefined)[];
  /** Why it ended, in OpenAI's words. */
  finish?: string;
  score?: Score;
  failure?: Failure;
}

export function newAnswer(question: Question): Answer {
  return { question, state: 'waiting', text: '', tokens: [] };
}

/** The neurons whose CETT an answer's tokens carry, in their order. */
export function watchedBy(answer: Answer): Place[] {
  return answer.question.cett ?? [];
}

export function isBusy(answer: Answer): boolean {
  return answer.state === 'waiting' || answer.state === 'streaming';
}

/** The answer with one more chunk. The last chunk's score holds all tokens, so they replace what came before. */
export function withChunk(before: Answer, chunk: Chunk): Answer {
  const tokens = before.tokens.slice();
  if (!chunk.score) {
    for (const { index, ...token } of chunk.tokens) tokens[index] = token;
    return {
      ...before,
      state: 'streaming',
      text: before.text + chunk.text,
      tokens,
      finish: chunk.finish ?? before.finish,
    };
  }
  return {
    ...before,
    state: 'streaming',
    text: before.text + chunk.text,
    // The whole score need not repeat the CETT that has come already.
    tokens: chunk.score.tokens.map((token, at) => ({ ...before.tokens[at], ...token })),
    finish: chunk.finish ?? before.finish,
    score: chunk.score,
  };
}

/** Shortest time between two changes that are told, in ms: smooth to read, and little work on a slow machine. */
const PACE = 40;

/**
 * Asks, and tells of every change. Changes that follow each other faster than PACE are told together.
 * Never throws: a failure is a state of the answer.
 * @param before an earlier answer to the question, which stays until the first words of the new one are there
 */
export async function follow(
  question: Question,
  model: string,
  signal: AbortSignal,
  onChange: (answer: Answer) => void,
  before?: Answer,
): Promise<Answer> {
  let now: Answer = before ? { ...before, state: 'waiting', failure: undefined } : newAnswer(question);
  let begun = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    clearTimeout(timer);
    timer = undefined;
    onChange(now);
  };
  tell();
  try {
    await answer(
      question,
      model,
      (chunk) => {
        // The first chunk names the role and has no text.
        if (!begun && chunk.text === '' && !chunk.score && chunk.finish === undefined) return;
        now = withChunk(begun ? now : newAnswer(question), chunk);
        begun = true;
        timer ??= setTimeout(tell, PACE);
      },
      signal,
    );
    now = { ...(begun ? now : newAnswer(question)), state: 'done' };
  } catch (error) {
    now = signal.aborted
      ? begun || !before
        ? { ...now, state: 'stopped' }
        : before
      : { ...now, state: 'failed', failure: asFailure(error) };
  }
  tell();
  return now;
}
