import { UserError } from '../../errors.js';
import { printable } from '../gguf/values.js';
import type { ChatMessage } from '../template/conversation.js';
import { createTemplatePool, type TemplatePool } from '../template/pool.js';
import type { ModelInfo } from '../types.js';

/** `chat`: the model's own template; `few-shot`: worked examples; `plain`: the question alone. */
export type PromptKind = 'chat' | 'few-shot' | 'plain';

export interface Example {
  question: string;
  answer: string;
}

/** How questions are put to one model. */
export interface PromptStyle {
  kind: PromptKind;
  /**
   * The prompt of a question, without BOS where the tokenizer adds it.
   * @throws UserError when the model's own template cannot be rendered, or leaves the question out
   */
  text(question: string): Promise<string>;
  /** How to tokenise it. */
  tokenize: { special: boolean; bos: boolean };
  /** Strings that end an answer. */
  stop: string[];
}

/** What of a model decides its prompts. */
export type PromptModel = Pick<
  ModelInfo,
  'name' | 'chatTemplate' | 'bosToken' | 'eosToken' | 'specialTokens' | 'addBos' | 'promptDate'
>;

/** The request that chat models get after the question (method.md, step 1). */
export const ANSWER_ONLY = 'Respond with the answer only, without any explanation.';

/**
 * Chooses how to ask: a model with a chat template is a chat model, any other gets worked examples.
 * @param kind `auto`, or set by hand
 * @param examples for `few-shot`
 * @param request what a chat model is told behind the question
 * @throws UserError when `chat` is wanted of a model without a template
 */
export function promptStyle(
  model: PromptModel,
  kind: PromptKind | 'auto',
  examples: readonly Example[],
  request = ` ${ANSWER_ONLY}`,
): PromptStyle {
  const chosen = kind === 'auto' ? (model.chatTemplate ? 'chat' : 'few-shot') : kind;
  if (chosen === 'chat') return chatStyle(model, request);
  const shots = chosen === 'few-shot' ? examples : [];
  const head = shots.map(({ question, answer }) => `Question: ${question}\nAnswer: ${answer}\n\n`).join('');
  return {
    kind: chosen,
    text: async (question) => `${head}Question: ${question}\nAnswer:`,
    tokenize: { special: false, bos: true },
    stop: ['\n'],
  };
}

function chatStyle(model: PromptModel, request: string): PromptStyle {
  const render = chatRenderer(model, 'use --prompt-style few-shot');
  return {
    kind: 'chat',
    text: (question) => render([{ role: 'user', content: question + request }]),
    tokenize: { special: true, bos: true },
    stop: [],
  };
}

/** Started with the first conversation; it ends with the program. */
let pool: TemplatePool | undefined;

/**
 * Renders conversations by a model's own chat template, up to where its next answer begins; without BOS where the tokenizer
 * adds it. To be tokenised with `{ special: true, bos: true }`. The template runs in a process of its own, under limits of time and
 * memory (see `template/pool.ts`).
 * @param advice what to do instead, for messages
 * @throws UserError when there is no template; the function returned rejects with one when it cannot be rendered
 */
export function chatRenderer(
  model: PromptModel,
  advice: string,
): (messages: readonly ChatMessage[]) => Promise<string> {
  const { chatTemplate, bosToken = '', eosToken = '', specialTokens, addBos, promptDate } = model;
  if (!chatTemplate) {
    throw new UserError(`${model.name} has no chat template, so it is a base model: ${advice}`);
  }
  const variables = {
    ...specialTokens,
    // Reasoning models would otherwise think aloud before the answer.
    enable_thinking: false,
    bos_token: bosToken,
    eos_token: eosToken,
  };
  return async (messages) => {
    pool ??= createTemplatePool();
    let text: string;
    try {
      text = await pool.render({
        template: chatTemplate,
        messages,
        variables,
        now: Date.parse(promptDate ?? today()),
      });
    } catch (error) {
      const why = printable(String((error as Error).message).split('\n')[0], MAX_REASON);
      throw new UserError(`The chat template of ${model.name} cannot be rendered (${why}): ${advice}`, {
        cause: error,
      });
    }
    return addBos && bosToken && text.startsWith(bosToken) ? text.slice(bosToken.length) : text;
  };
}

/** Longest part of a template's own words in a message, in characters. */
const MAX_REASON = 200;

/** The day in UTC, as YYYY-MM-DD: prompts do not depend on the time of day and where the machine stands. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** True if the prompts of a model depend on the day. */
export function asksForDate({ chatTemplate }: Pick<PromptModel, 'chatTemplate'>, kind: PromptKind): boolean {
  return kind === 'chat' && chatTemplate?.includes('strftime_now') === true;
}

/** Tokens that all prompts begin with, at most all but the last token of the shortest. */
export function commonPrefix(prompts: ArrayLike<number>[]): Int32Array {
  if (prompts.length < 2) return new Int32Array(0);
  const first = prompts[0];
  let length = prompts.reduce((least, prompt) => Math.min(least, prompt.length - 1), first.length);
  for (const prompt of prompts) {
    let same = 0;
    while (same < length && prompt[same] === first[same]) same++;
    length = same;
  }
  return Int32Array.from({ length: Math.max(0, length) }, (_, i) => first[i]);
}
