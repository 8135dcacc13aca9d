import { commonPrefix, promptStyle } from '../engine/text/prompt.js';
import { finalAnswer, opensThought } from '../engine/text/thought.js';
import type { Engine, Sample } from '../engine/types.js';
import { UserError } from '../errors.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { guardCallbacks } from './context.js';
import { type AskedSample, drawnSequences, type Sampler, type SamplingJob } from './sampler.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';

/**
 * The model itself, in token trees (engine/sample). What is read is what was drawn: the same tokens.
 * @param questions all that may be asked: what their prompts have in common is run once.
 */
export async function openLocalSampler(
  engine: Engine,
  questions: readonly SplitQuestion[],
  settings: CollectSettings,
): Promise<Sampler> {
  const style = promptStyle(engine.model, settings.promptStyle, FEW_SHOT);
  const texts = await Promise.all(questions.map((question) => style.text(question.question)));
  const tokens = await engine.tokenize(texts, style.tokenize);
  const opened = texts.length > 0 && opensThought(texts[0]);
  const marked = (sample: Sample): AskedSample =>
    finalAnswer(sample.text, opened) === undefined ? { ...sample, unfinished: true } : sample;
  const prompts = new Map(questions.map(({ id }, i) => [id, tokens[i]]));
  const { temperature, topK, topP, minP, maxTokens, seed, samples } = settings;
  const { contextLength } = engine.model;
  const fits = (prompt: Int32Array) => prompt.length + maxTokens <= contextLength;
  if (tokens.length > 0 && !tokens.some(fits)) {
    const shortest = Math.min(...tokens.map(({ length }) => length));
    throw new UserError(
      `the ${style.kind} prompts have ${shortest} tokens and more, and with up to ${maxTokens} of an answer do not fit into ` +
        `the model's context of ${contextLength}: take ${style.kind === 'few-shot' ? 'plain prompts, ' : ''}fewer tokens for an answer, or another model`,
    );
  }
  const nextFitting = (job: SamplingJob) => {
    for (;;) {
      const question = job.next();
      const prompt = question && prompts.get(question.id)!;
      if (!prompt) return undefined;
      if (fits(prompt)) return { id: question.id, prompt, samples };
      const failure = `its prompt has ${prompt.length} tokens, too many for a context of ${contextLength}`;
      job.onResult({ id: question.id, samples: [], stopped: true, failure });
    }
  };
  return {
    async sample(job) {
      const { guard, rethrow } = guardCallbacks();
      try {
        const stats = await engine.sample({
          settings: { temperature, topK, topP, minP, maxTokens, seed, stop: style.stop },
          prefix: commonPrefix(tokens),
          ready: job.ready,
          next: guard(() => nextFitting(job), undefined),
          onSample: guard((id, sample) => job.onSample?.(id, marked(sample)), false),
          onResult: guard(
            (result) => job.onResult({ ...result, samples: result.samples.map(marked) }),
            undefined,
          ),
        });
        rethrow();
        return stats;
      } catch (error) {
        rethrow();
        throw error;
      }
    },
    sequences: (items) =>
      drawnSequences(
        engine,
        items.map(({ question, sample }) => ({ prompt: prompts.get(question.id)!, sample })),
      ),
  };
}
