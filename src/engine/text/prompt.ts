import { Template } from '@huggingface/jinja';
import { UserError } from '../../errors.js';
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
  /** The prompt of a question, without BOS where the tokenizer adds it. */
  text(question: string): string;
  /** How to tokenise it. */
  tokenize: { special: boolean; bos: boolean };
  /** Strings that end an answer. */
  stop: string[];
}

/** What of a model decides its prompts. */
export type PromptModel = Pick<ModelInfo, 'name' | 'chatTemplate' | 'bosToken' | 'eosToken' | 'addBos'>;

/** The request that chat models get after the question (method.md, step 1). */
export const ANSWER_ONLY = 'Respond with the answer only, without any explanation.';

/**
 * Chooses how to ask: a model with a chat template is a chat model, any other gets worked examples.
 * @param kind `auto`, or set by hand
 * @param examples for `few-shot`
 * @param request what a chat model is told behind the question
 * @throws UserError when `chat` is wanted of a model without a template, or the template cannot be rendered
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
    text: (question) => `${head}Question: ${question}\nAnswer:`,
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

/**
 * Renders conversations by a model's own chat template, up to where its next answer begins; without BOS where the tokenizer
 * adds it. To be tokenised with `{ special: true, bos: true }`.
 * @param advice what to do instead, for messages
 * @throws UserError when there is no template, or it cannot be rendered (then also from the function returned)
 */
export function chatRenderer(
  model: PromptModel,
  advice: string,
): (messages: readonly { role: 'system' | 'user' | 'assistant'; content: string }[]) => string {
  if (!model.chatTemplate) {
    throw new UserError(`${model.name} has no chat template, so it is a base model: ${advice}`);
  }
  const broken = (error: unknown) =>
    new UserError(
      `The chat template of ${model.name} cannot be rendered (${String((error as Error).message).split('\n')[0]}): ${advice}`,
      { cause: error },
    );
  let template: Template;
  try {
    template = new Template(model.chatTemplate);
  } catch (error) {
    throw broken(error);
  }
  const { bosToken = '', eosToken = '', addBos } = model;
  return (messages) => {
    try {
      const text = template.render({
        messages,
        add_generation_prompt: true,
        // Reasoning models would otherwise think aloud before the answer.
        enable_thinking: false,
        bos_token: bosToken,
        eos_token: eosToken,
      });
      return addBos && bosToken && text.startsWith(bosToken) ? text.slice(bosToken.length) : text;
    } catch (error) {
      throw broken(error);
    }
  };
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
