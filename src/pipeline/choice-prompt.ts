import { type PromptKind, type PromptModel, type PromptStyle, promptStyle } from '../engine/text/prompt.js';
import { CHOICE_SHOTS, withOptions } from '../questions/choice-shots.js';

/** What a chat model is told behind the options. */
const LETTER_ONLY = '\nAnswer with the letter of the right option only, without any explanation.';

/** How questions with options are put to one model; otherwise as {@link promptStyle}. */
export function choiceStyle(
  model: PromptModel,
  kind: PromptKind,
): Omit<PromptStyle, 'text'> & { text(question: { question: string; options?: string[] }): Promise<string> } {
  const style = promptStyle(model, kind, CHOICE_SHOTS, LETTER_ONLY);
  return { ...style, text: ({ question, options }) => style.text(withOptions(question, options ?? [])) };
}
