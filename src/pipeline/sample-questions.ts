import { commonPrefix, promptStyle } from '../engine/text/prompt.js';
import type { Engine, Sample, SampleResult, SampleStats } from '../engine/types.js';
import { openJsonlWriter } from '../formats/jsonl.js';
import { createJudge, type Verdict } from '../judge/rule.js';
import { answerSpan } from '../judge/span.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { decidedClass, possibleClasses, type QuestionClass } from './classify.js';
import { guardCallbacks } from './context.js';
import { QuotaTracker } from './quota.js';
import { type Response, type ResponseSample, readResponses } from './responses.js';
import { mostFrequent } from './select.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';

export interface Sampled {
  tracker: QuotaTracker;
  responses: Map<string, Response>;
  /** Prompt of each question, by id. */
  prompts: Map<string, Int32Array>;
  /** Undefined when nothing was left to ask. */
  stats?: SampleStats;
}

interface Progress {
  asked: number;
  total: number;
  tracker: QuotaTracker;
}

interface Asked {
  index: number;
  judge: (response: string) => Verdict;
  verdicts: (Verdict | undefined)[];
}

/**
 * Asks the questions in order, until the quota is full, and judges each sample as it comes. A question ends as soon as
 * it can have no class that is still wanted. Finished questions are appended to `path`, and those that are
 * there already are not asked again; one that was cut off is asked again as a whole.
 */
export async function sampleQuestions(options: {
  engine: Engine;
  questions: SplitQuestion[];
  settings: CollectSettings;
  path: string;
  onProgress: (progress: Progress) => void;
}): Promise<Sampled> {
  const { engine, questions, settings, path } = options;
  const responses = await readResponses(path, settings.quota);
  const tracker = new QuotaTracker(questions, settings.quota);
  questions.forEach((question, index) => {
    const response = responses.get(question.id);
    if (response) tracker.record(index, response.class);
  });
  const { prompts, stop } = await tokenizePrompts(engine, questions, settings);
  const report = () => options.onProgress({ asked: responses.size, total: questions.length, tracker });
  report();

  const asked = new Map<string, Asked>();
  let cursor = 0;
  const nextQuestion = (): number | undefined => {
    for (; cursor < questions.length; cursor++) {
      if (tracker.outcome(cursor) !== undefined) continue;
      if (tracker.splitFull('train') && tracker.splitFull('test')) return undefined;
      if (!isWanted(tracker, cursor, [], settings)) tracker.record(cursor, 'full');
      else return cursor++;
    }
    return undefined;
  };
  let pending = nextQuestion();
  if (pending === undefined) return { tracker, responses, prompts };

  const writer = openJsonlWriter(path);
  const { guard, rethrow } = guardCallbacks();
  const finish = (result: SampleResult): void => {
    const { index, judge, verdicts } = asked.get(result.id)!;
    asked.delete(result.id);
    const question = questions[index];
    const samples = result.samples.map((sample): ResponseSample => {
      const { text, tokens, logProbability, finish } = sample;
      const verdict = verdicts[sample.index] ?? judge(text);
      return { index: sample.index, text, tokens, verdict, logProbability, finish };
    });
    const kind = classOf(samples, settings);
    const { id, split, relation } = question;
    const response: Response = { id, split, relation, class: kind, stopped: result.stopped, samples };
    if (kind === 'full' && settings.quota !== null) response.quota = settings.quota;
    writer.append(response);
    responses.set(id, response);
    tracker.record(index, kind);
    report();
  };
  try {
    const stats = await engine.sample({
      settings: {
        temperature: settings.temperature,
        topK: settings.topK,
        topP: settings.topP,
        minP: settings.minP,
        maxTokens: settings.maxTokens,
        seed: settings.seed,
        stop,
      },
      prefix: commonPrefix([...prompts.values()]),
      next: guard(() => {
        const index = pending ?? nextQuestion();
        pending = undefined;
        if (index === undefined) return undefined;
        const { id, aliases } = questions[index];
        asked.set(id, {
          index,
          judge: createJudge(aliases),
          verdicts: new Array(settings.samples).fill(undefined),
        });
        return { id, prompt: prompts.get(id)!, samples: settings.samples };
      }, undefined),
      onSample: guard((id: string, sample: Sample) => {
        const { index, judge, verdicts } = asked.get(id)!;
        verdicts[sample.index] = judge(sample.text);
        const known = verdicts.filter((verdict) => verdict !== undefined);
        return known.length === settings.samples || isWanted(tracker, index, known, settings);
      }, false),
      onResult: guard(finish, undefined),
    });
    rethrow();
    return { tracker, responses, prompts, stats };
  } catch (error) {
    rethrow();
    throw error;
  } finally {
    writer.close();
  }
}

/** Whether a question can still get a class of which more are needed. */
function isWanted(
  tracker: QuotaTracker,
  index: number,
  verdicts: Verdict[],
  settings: CollectSettings,
): boolean {
  return possibleClasses(verdicts, settings).some((kind) => !tracker.isFull(index, kind));
}

function classOf(samples: ResponseSample[], settings: CollectSettings): QuestionClass | 'full' {
  const verdicts = samples.map((sample) => sample.verdict);
  const kind = decidedClass(verdicts, settings) ?? 'full';
  if (kind !== 'faithful' && kind !== 'hallucinated') return kind;
  // Without an answer to point at, there is nothing to read.
  const used = mostFrequent(samples, kind);
  return used && answerSpan(used.text) ? kind : 'uncertain';
}

async function tokenizePrompts(
  engine: Engine,
  questions: SplitQuestion[],
  settings: CollectSettings,
): Promise<{ prompts: Map<string, Int32Array>; stop: string[] }> {
  const style = promptStyle(engine.model, settings.promptStyle, FEW_SHOT);
  const tokens = await engine.tokenize(
    questions.map((question) => style.text(question.question)),
    style.tokenize,
  );
  return { prompts: new Map(questions.map((question, i) => [question.id, tokens[i]])), stop: style.stop };
}
