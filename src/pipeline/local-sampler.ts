import { commonPrefix, promptStyle } from '../engine/text/prompt.js';
import { finalAnswer, opensThought } from '../engine/text/thought.js';
import type { Engine, Sample } from '../engine/types.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { guardCallbacks } from './context.js';
import { fittingPrompts } from './fitting-prompts.js';
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
  const { temperature, topK, topP, minP, maxTokens, seed, samples } = settings;
  const prompts = await fittingPrompts(engine, texts, style, maxTokens);
  const opened = texts.length > 0 && opensThought(texts[0]);
  const marked = (sample: Sample): AskedSample =>
    finalAnswer(sample.text, opened) === undefined ? { ...sample, unfinished: true } : sample;
  const byId = new Map(questions.map(({ id }, i) => [id, prompts[i]]));
  const nextFitting = (job: SamplingJob) => {
    for (;;) {
      const question = job.next();
      const prompt = question && byId.get(question.id)!;
      if (!prompt) return undefined;
      const { tokens, failure } = prompt;
      if (tokens) return { id: question.id, prompt: tokens, samples };
      job.onResult({ id: question.id, samples: [], stopped: true, failure });
    }
  };
  return {
    async sample(job) {
      const { guard, rethrow } = guardCallbacks();
      try {
        const stats = await engine.sample({
          settings: { temperature, topK, topP, minP, maxTokens, seed, stop: style.stop },
          prefix: commonPrefix(prompts.flatMap(({ tokens }) => tokens ?? [])),
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
        items.map(({ question, sample }) => ({ prompt: byId.get(question.id)!.tokens, sample })),
      ),
  };
}
