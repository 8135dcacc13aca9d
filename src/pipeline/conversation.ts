import { chatRenderer, type Example, type PromptKind, promptStyle } from '../engine/text/prompt.js';
import type { ModelInfo } from '../engine/types.js';
import { FEW_SHOT } from '../questions/few-shot.js';

/** A turn of a conversation. */
export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** A conversation as the model gets it. */
export interface Prompt {
  text: string;
  tokenize: { special: boolean; bos: boolean };
  /** Strings that end an answer, besides those of the request. */
  stop: string[];
  /** The answer goes on within the prompt's last line: the white space that it begins with is no part of it. */
  continues: boolean;
}

export interface Prompts {
  kind: PromptKind;
  /** @throws UserError when the model's own template refuses the conversation, or leaves a part of it out */
  ofMessages(messages: readonly Message[]): Promise<Prompt>;
}

/**
 * How conversations are put to a model. A chat model gets its own template; a base model the last question behind worked
 * examples, as the detector was trained, with the turns before it as further examples. System messages have no place there.
 *
 * @param kind how the detector asks; `auto`: by whether there is a template
 * @throws UserError when the template cannot be read
 */
export function promptsOf(model: ModelInfo, kind: PromptKind | 'auto'): Prompts {
  const chosen = promptStyle(model, kind, FEW_SHOT).kind;
  if (chosen === 'chat') {
    const render = chatRenderer(model, 'send it to /v1/completions');
    return {
      kind: chosen,
      ofMessages: async (messages) => ({
        text: await render(messages),
        tokenize: { special: true, bos: true },
        stop: [],
        continues: false,
      }),
    };
  }
  const shots = chosen === 'few-shot' ? FEW_SHOT : [];
  return {
    kind: chosen,
    async ofMessages(messages) {
      const style = promptStyle(model, 'few-shot', [...shots, ...turnsOf(messages)]);
      const { text, tokenize, stop } = style;
      return { text: await text(messages.at(-1)!.content.trim()), tokenize, stop, continues: true };
    },
  };
}

/** The answered questions of a conversation, each on a line of its own. */
function turnsOf(messages: readonly Message[]): Example[] {
  const line = (text: string) => text.trim().replace(/\s*\n\s*/g, ' ');
  const turns: Example[] = [];
  messages.forEach(({ role, content }, i) => {
    const before = messages[i - 1];
    if (role === 'assistant' && before?.role === 'user') {
      turns.push({ question: line(before.content), answer: line(content) });
    }
  });
  return turns;
}
