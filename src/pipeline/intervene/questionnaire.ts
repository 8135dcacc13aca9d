import type { PromptKind } from '../../engine/text/prompt.js';
import type { Engine } from '../../engine/types.js';
import { UserError } from '../../errors.js';
import { itemPrompts } from '../../intervene/prompt.js';
import type { Benchmark } from '../../intervene/types.js';
import type { Questionnaire } from './answers.js';

/** The items of a benchmark as the prompts of this model. @throws UserError for an item longer than the model's context */
export async function questionnaireOf(
  engine: Engine,
  benchmark: Benchmark,
  promptKind: PromptKind,
): Promise<Questionnaire> {
  const { items, name, sampling } = benchmark;
  const prompts = itemPrompts(engine.model, promptKind, benchmark);
  const texts = await Promise.all(items.map(prompts.text));
  const tokens = await engine.tokenize(texts, prompts.tokenize);
  const tooLong = tokens.findIndex(({ length }) => length + sampling.maxTokens > engine.model.contextLength);
  if (tooLong >= 0) {
    throw new UserError(
      `${name}, item ${items[tooLong].id}: ${tokens[tooLong].length} tokens do not fit into the model's context of ${engine.model.contextLength}`,
    );
  }
  return {
    benchmark: name,
    sampling,
    stop: prompts.stop,
    items: items.map(({ id }, i) => ({ id, text: texts[i], prompt: tokens[i] })),
  };
}
