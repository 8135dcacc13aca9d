import { ANSWER_ONLY, type PromptKind } from '../engine/text/prompt.js';
import type { Verdict } from '../judge/rule.js';

/** How the published scripts call verdicts; `error`: their LLM judge gave no answer. */
export type PublishedJudge = 'true' | 'false' | 'uncertain' | 'error';

const VERDICTS: Record<Exclude<PublishedJudge, 'error'>, Verdict> = {
  true: 'correct',
  false: 'wrong',
  uncertain: 'uncertain',
};

export function verdictOf(judge: Exclude<PublishedJudge, 'error'>): Verdict {
  return VERDICTS[judge];
}

/** `failed`: a judge that gave no usable answer. */
export function judgeOf(verdict: Verdict | 'failed'): PublishedJudge {
  const judges = { correct: 'true', wrong: 'false', uncertain: 'uncertain', failed: 'error' } as const;
  return judges[verdict];
}

/**
 * A question id as the scripts can use it: they make file names of ids (`act_<qid>.npy`), so that everything but letters,
 * digits and `._-` is written as %XX. Ids of the published data stay as they are.
 */
export function toQid(id: string): string {
  return encodeURIComponent(id).replace(
    /[!'()*~]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The id that {@link toQid} made a qid of; any other qid is its own id. */
export function fromQid(qid: string): string {
  try {
    const id = decodeURIComponent(qid);
    return toQid(id) === qid ? id : qid;
  } catch {
    return qid;
  }
}

/** Questions of the published files end with the request that the prompt of a chat model adds by itself. */
export function withoutRequest(question: string): string {
  const text = question.trim();
  return text.endsWith(ANSWER_ONLY) ? text.slice(0, -ANSWER_ONLY.length).trimEnd() : text;
}

/** A question as the scripts put it to a chat model; one that was asked in another way stays as it is. */
export function withRequest(question: string, style: PromptKind): string {
  return style === 'chat' ? `${question} ${ANSWER_ONLY}` : question;
}

/**
 * A response as it stands behind a prompt: one that ends within a line ("Answer:") is gone on with a space, as the
 * model does itself.
 */
export function behindPrompt(response: string, style: PromptKind): string {
  return style === 'chat' || /^\s/.test(response) ? response : ` ${response}`;
}

/** The response without the space of {@link behindPrompt}. */
export function withoutGap(response: string, style: PromptKind): string {
  return style !== 'chat' && /^ \S/.test(response) ? response.slice(1) : response;
}
