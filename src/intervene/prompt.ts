import { chatRenderer, type PromptKind, type PromptModel } from '../engine/text/prompt.js';
import type { Benchmark, Item, Turn } from './types.js';

/** Items as the prompts of one model. */
export interface ItemPrompts {
  text(item: Item): Promise<string>;
  tokenize: { special: boolean; bos: boolean };
  stop: string[];
}

/**
 * How the items of a benchmark are put to a model: as a conversation in its own chat template, or as one text with the worked examples in
 * front (`few-shot`) or without them (`plain`).
 * @throws UserError for a chat prompt of a model without a template
 */
export function itemPrompts(
  model: PromptModel,
  kind: PromptKind,
  { shots, request }: Pick<Benchmark, 'shots' | 'request'>,
): ItemPrompts {
  if (kind === 'chat') {
    const render = chatRenderer(model, 'use a detector of another prompt style');
    return {
      text: ({ turns }) =>
        render(
          turns.flatMap((turn, i) => {
            const last = i === turns.length - 1;
            const asked = turn.context === undefined ? turn.question : `${turn.context}\n\n${turn.question}`;
            const user = { role: 'user' as const, content: last ? asked + request : asked };
            return last ? [user] : [user, { role: 'assistant' as const, content: turn.answer ?? '' }];
          }),
        ),
      tokenize: { special: true, bos: true },
      stop: [],
    };
  }
  const head = kind === 'few-shot' ? shots.map((turns) => transcript(turns)).join('') : '';
  return {
    text: async ({ turns }) => head + transcript(turns),
    tokenize: { special: false, bos: true },
    stop: ['\n'],
  };
}

/** A conversation as text; it ends where an answer is missing. */
function transcript(turns: readonly Turn[]): string {
  return turns
    .map(({ context, question, answer }) => {
      const asked = `${context === undefined ? '' : `Context: ${context}\n`}Question: ${question}\nAnswer:`;
      return answer === undefined ? asked : `${asked} ${answer.trim()}\n\n`;
    })
    .join('');
}
