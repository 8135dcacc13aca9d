import type { PromptKind } from '../engine/text/prompt.js';
import type { ModelInfo } from '../engine/types.js';
import { UserError } from '../errors.js';
import { type Prompts, promptsOf } from '../pipeline/conversation.js';
import { invalid } from './errors.js';

/** {@link promptsOf} for requests: a conversation that the model's template refuses is the client's fault, a 400. */
export function requestPrompts(model: ModelInfo, kind: PromptKind | 'auto'): Prompts {
  const prompts = promptsOf(model, kind);
  return {
    kind: prompts.kind,
    async ofMessages(messages) {
      try {
        return await prompts.ofMessages(messages);
      } catch (error) {
        if (error instanceof UserError) throw invalid(error.message, 'messages');
        throw error;
      }
    },
  };
}
