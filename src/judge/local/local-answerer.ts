import { chatRenderer, commonPrefix } from '../../engine/text/prompt.js';
import type { Engine } from '../../engine/types.js';
import type { Answerer } from '../llm/ask.js';
import type { LlmPrompt } from '../llm/prompt.js';

/** How a repeated question is varied; the first answer is greedy. */
const RETRY_TEMPERATURE = 0.7;

/** A model in our own engine. */
export interface LocalModel {
  engine: Engine;
  /** For names: the model as the user named it. */
  name: string;
  sha256: string;
}

/** How a prompt is put to one model. */
interface Style {
  text(input: string): Promise<string>;
  tokenize: { special: boolean; bos: boolean };
  stop: string[];
}

/** Tokens beyond the common prefix for which every sampling context has room. */
const MOST_OWN_TOKENS = 1024;

/**
 * Puts items to a local model: by its chat template with the worked examples as earlier turns, or, to a base model, as one text
 * that ends where the answer begins. An item that is too long (about a thousand tokens) or does not fit into the model's context
 * gets no answer.
 *
 * @param complete the text to keep of an answer that cannot be read, from the prompt's tokens and what was said
 */
export function localAnswerer<Item, Answer>(
  { engine, name, sha256 }: LocalModel,
  prompt: LlmPrompt<Item, Answer>,
  maxTokens: number,
  complete: (promptTokens: Int32Array, said: string) => Promise<string> = async (_, said) => said,
): Answerer<Item, Answer> {
  const style = promptStyleOf(engine, prompt);
  return {
    name: `local:${name}`,
    identity: sha256,
    prompt,
    async answer(items, attempt, onAnswer) {
      const prompts = await engine.tokenize(
        await Promise.all(items.map((item) => style.text(prompt.input(item)))),
        style.tokenize,
      );
      const prefix = commonPrefix(prompts);
      const fits = ({ length }: Int32Array) =>
        length + maxTokens <= engine.model.contextLength &&
        length - prefix.length + maxTokens <= MOST_OWN_TOKENS;
      const fitting: number[] = [];
      prompts.forEach((tokens, i) => {
        if (fits(tokens)) fitting.push(i);
        else onAnswer(i, undefined);
      });
      if (fitting.length === 0) return;
      const unread: { index: number; said: string }[] = [];
      let next = 0;
      await engine.sample({
        settings: {
          temperature: attempt === 0 ? 0 : RETRY_TEMPERATURE,
          topK: 0,
          topP: 1,
          minP: 0,
          maxTokens,
          stop: style.stop,
          seed: attempt,
        },
        prefix,
        next: () => {
          const index = fitting[next++];
          return index === undefined ? undefined : { id: String(index), prompt: prompts[index], samples: 1 };
        },
        onResult: ({ id, samples }) => {
          const index = Number(id);
          const said = samples[0].text;
          if (prompt.parse(said, items[index]) === undefined) unread.push({ index, said });
          else onAnswer(index, said);
        },
      });
      for (const { index, said } of unread) onAnswer(index, await complete(prompts[index], said));
    },
    close: () => engine.close(),
  };
}

function promptStyleOf<Item>(engine: Engine, prompt: LlmPrompt<Item, unknown>): Style {
  const { instruction, examples, label = '' } = prompt;
  if (engine.model.chatTemplate === undefined) {
    const shown = examples.map(({ input, answer }) => `${input}\n${label} ${answer}\n\n`).join('');
    return {
      text: async (input) => `${instruction}\n\n${shown}${input}\n${label}`,
      tokenize: { special: false, bos: true },
      stop: ['\n'],
    };
  }
  const render = chatRenderer(engine.model, 'choose another judge');
  const ask = (input: string) => `${instruction}\n\n${input}\n${label}`;
  const earlier = examples.flatMap(({ input, answer }) => [
    { role: 'user' as const, content: ask(input) },
    { role: 'assistant' as const, content: answer },
  ]);
  return {
    text: (input) => render([...earlier, { role: 'user', content: ask(input) }]),
    tokenize: { special: true, bos: true },
    stop: ['\n'],
  };
}
