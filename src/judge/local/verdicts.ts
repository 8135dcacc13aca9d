import type { Answerer } from '../llm/ask.js';
import type { LlmPrompt } from '../llm/prompt.js';
import { LOCAL_VERDICT_PROMPT, VERDICT_WORDS } from '../llm/verdict-prompt.js';
import type { JudgeItem } from '../types.js';
import { type Chooser, makeChooser } from './choose.js';
import { type LocalModel, localAnswerer } from './local-answerer.js';

const MAX_TOKENS = 4;
/** Written behind what the model said, where it said neither word. */
const CHOSEN = /\[log p: true (-?[\d.]+), false (-?[\d.]+)\]$/;

/** True or false about an answer, from a local model: {@link localTruth} with the prompt for verdicts. */
export function localVerdicts(local: LocalModel): Answerer<JudgeItem, boolean> {
  return localTruth(local, LOCAL_VERDICT_PROMPT);
}

/**
 * True or false from a local model, always well formed: what it says greedily counts when it begins with one of the two words.
 * That is the word whose first token is the likelier of the two; where the model would rather say something else, the same two
 * probabilities are compared outright, and are kept behind what it said. So no item is lost to chatter, and
 * almost all of them take the fast way, batched and with the shared beginning computed once.
 *
 * @param task a prompt that asks for one of the words `true` and `false`
 */
export function localTruth<Item>(local: LocalModel, task: LlmPrompt<Item, boolean>): Answerer<Item, boolean> {
  let chooser: Promise<Chooser> | undefined;
  const prompt = {
    ...task,
    parse(raw: string, item: Item) {
      const chosen = CHOSEN.exec(raw);
      return chosen ? Number(chosen[1]) > Number(chosen[2]) : task.parse(raw, item);
    },
  };
  return localAnswerer(local, prompt, MAX_TOKENS, async (tokens, said) => {
    chooser ??= makeChooser(local.engine, VERDICT_WORDS);
    const [yes, no] = await (await chooser).logProbabilities(tokens);
    return `${said} [log p: true ${yes.toFixed(4)}, false ${no.toFixed(4)}]`;
  });
}
