import { existsSync } from 'node:fs';
import { z } from 'zod';
import { commonPrefix } from '../../engine/text/prompt.js';
import { withOpeningMark } from '../../engine/text/thought.js';
import type { Engine } from '../../engine/types.js';
import { openJsonlWriter, readJsonl } from '../../formats/jsonl.js';
import type { Sampling } from '../../intervene/types.js';
import { guardCallbacks } from '../context.js';
import { hashText, stableJson } from '../fingerprint.js';
import type { NeuronSet } from './neuron-sets.js';

/** A line of answers.jsonl: what the model said to one item under one intervention. */
const AnswerSchema = z.object({
  /** Hash of all that decides it: model, neurons, alpha, prompt, sampling. */
  key: z.string(),
  benchmark: z.string(),
  /** Name of the neuron set; `none` at alpha 1. */
  set: z.string(),
  alpha: z.number(),
  id: z.string(),
  text: z.string(),
  tokens: z.int(),
  finish: z.enum(['stop', 'end', 'length']),
});
export type InterventionAnswer = z.infer<typeof AnswerSchema>;

/** A neuron set under a factor. At alpha 1 there is no set: the model is as it is. */
export interface Condition {
  set: NeuronSet | null;
  alpha: number;
}

export const PLAIN: Condition = { set: null, alpha: 1 };

/** What is put to the model, with all that is equal for its items. */
export interface Questionnaire {
  benchmark: string;
  sampling: Sampling;
  stop: string[];
  /** `text` is what the tokens were made from. */
  items: { id: string; text: string; prompt: Int32Array }[];
}

/** Answers that are kept: what is there is not asked for again, whatever run it comes from. */
export interface AnswerStore {
  /**
   * The answers to a questionnaire under a condition, in the order of its items; each begins with the mark of a thought that its prompt
   * opened. The beginning that its prompts share is run once for
   * each condition: an intervention changes it too.
   */
  ask(
    engine: Engine,
    questionnaire: Questionnaire,
    condition: Condition,
    onAnswer?: () => void,
  ): Promise<InterventionAnswer[]>;
  /** How many of the items of a questionnaire have an answer under a condition. */
  known(questionnaire: Questionnaire, condition: Condition): number;
  close(): void;
}

/**
 * Opens `answers.jsonl`. Answers are appended as they come, so that nothing is lost when the process is killed.
 * @param modelSha256 answers of another model do not count
 */
export async function openAnswers(path: string, modelSha256: string, seed: number): Promise<AnswerStore> {
  const answers = new Map<string, InterventionAnswer>();
  if (existsSync(path)) {
    for await (const { value } of readJsonl(path, { ignoreTorn: true })) {
      const parsed = AnswerSchema.safeParse(value);
      if (parsed.success) answers.set(parsed.data.key, parsed.data);
    }
  }
  const writer = openJsonlWriter(path);
  const keys = ({ sampling, stop, items }: Questionnaire, condition: Condition) => {
    const neurons = condition.set ? Array.from(condition.set.neurons) : [];
    const rest = sampling.temperature > 0 ? seed : null;
    const head = hashText(stableJson([modelSha256, neurons, condition.alpha, { ...sampling }, stop, rest]));
    return items.map(({ id, text }) => hashText(stableJson([head, id, text])).slice(0, 24));
  };
  return {
    known: (questionnaire, condition) =>
      keys(questionnaire, condition).filter((key) => answers.has(key)).length,
    async ask(engine, questionnaire, condition, onAnswer) {
      const { benchmark, sampling, stop, items } = questionnaire;
      const all = keys(questionnaire, condition);
      const left = items.flatMap((item, i) => (answers.has(all[i]) ? [] : [{ ...item, key: all[i] }]));
      const { guard, rethrow } = guardCallbacks();
      const keyOf = new Map(left.map(({ id, key }) => [id, key]));
      let cursor = 0;
      if (left.length > 0) {
        await engine
          .sample({
            settings: {
              ...sampling,
              minP: 0,
              seed,
              stop,
              ...(condition.set && {
                steering: { neurons: condition.set.neurons, alpha: condition.alpha },
              }),
            },
            prefix: commonPrefix(left.map(({ prompt }) => prompt)),
            most: {
              samples: left.length,
              tokens: left.reduce((sum, { prompt }) => sum + prompt.length + sampling.maxTokens, 0),
            },
            next: guard(() => {
              if (cursor >= left.length) return undefined;
              // The item's id names the random stream: a run that goes on draws as it would have.
              const { id, prompt } = left[cursor++];
              return { id, prompt, samples: 1 };
            }, undefined),
            onResult: guard(({ id, samples: [{ text, tokens, finish }] }) => {
              const answer: InterventionAnswer = {
                key: keyOf.get(id)!,
                benchmark,
                set: condition.set?.name ?? 'none',
                alpha: condition.alpha,
                id,
                text,
                tokens: tokens.length,
                finish,
              };
              writer.append(answer);
              answers.set(answer.key, answer);
              onAnswer?.();
            }, undefined),
          })
          .catch((error) => {
            rethrow();
            throw error;
          });
        rethrow();
      }
      return all.map((key, i) => {
        const answer = answers.get(key)!;
        return { ...answer, text: withOpeningMark(items[i].text, answer.text) };
      });
    },
    close: () => writer.close(),
  };
}
