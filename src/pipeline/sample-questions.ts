import type { SampleStats } from '../engine/types.js';
import { openJsonlWriter } from '../formats/jsonl.js';
import type { Verdict } from '../judge/rule.js';
import { type ClassLimits, possibleClasses } from './classify.js';
import { createThoughtCheck, markUnfinished } from './endings.js';
import {
  immediateJudge,
  type Judging,
  judgeSamples,
  openBacklog,
  outcomeOf,
  outcomesOf,
  toResponse,
} from './judging.js';
import { type Outcome, QuotaTracker } from './quota.js';
import { type Response, type ResponseSample, readResponses } from './responses.js';
import type { AskedResult, AskedSample, Sampler } from './sampler.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';

export interface Sampled {
  tracker: QuotaTracker;
  responses: Map<string, Response>;
  /** Undefined when nothing was left to ask, or nothing is counted. */
  stats?: SampleStats;
}

interface Progress {
  asked: number;
  total: number;
  tracker: QuotaTracker;
}

interface Asked {
  index: number;
  judge?: (response: string) => Verdict;
  verdicts: (Verdict | undefined)[];
}

interface Finished<S> {
  index: number;
  samples: S[];
  stopped: boolean;
}

/**
 * Asks the questions in order, until the quota is full, and judges the samples. With a judge that answers at once a
 * question ends as soon as it can have no class that is still wanted; others judge finished questions, several at
 * a time, while sampling goes on. Questions that are done with are appended to `path`, and those that are there
 * already are not asked again; one that was cut off is asked again as a whole.
 * @throws UserError when the sampler or the judge cannot go on; what is done with is kept.
 */
export async function sampleQuestions(options: {
  sampler: Sampler;
  judging: Judging;
  questions: SplitQuestion[];
  settings: CollectSettings;
  path: string;
  onProgress: (progress: Progress) => void;
}): Promise<Sampled> {
  const { sampler, judging, questions, settings, path } = options;
  const responses = await readResponses(path, settings.quota);
  const tracker = new QuotaTracker(questions, settings.quota);
  questions.forEach((question, index) => {
    const response = responses.get(question.id);
    if (response) tracker.record(index, response.class);
  });
  const report = () => options.onProgress({ asked: responses.size, total: questions.length, tracker });
  report();

  const limitsOf = (index: number): ClassLimits =>
    questions[index].kind === 'choice' ? ONE_ANSWER : settings;
  /** Whether a question can still get a class of which more are needed. */
  const isWanted = (index: number, verdicts: Verdict[]) =>
    possibleClasses(verdicts, limitsOf(index)).some((kind) => !tracker.isFull(index, kind));
  const asked = new Map<string, Asked>();
  let cursor = 0;
  const nextQuestion = (): number | undefined => {
    for (; cursor < questions.length; cursor++) {
      if (tracker.outcome(cursor) !== undefined) continue;
      if (tracker.splitFull('train') && tracker.splitFull('test')) return undefined;
      if (!isWanted(cursor, [])) tracker.record(cursor, 'full');
      else return cursor++;
    }
    return undefined;
  };
  let pending = nextQuestion();
  if (pending === undefined) return { tracker, responses };

  const writer = openJsonlWriter(path);
  let closed = false;
  const record = (
    index: number,
    outcome: Outcome,
    { samples, stopped, reason }: Pick<Response, 'samples' | 'stopped' | 'reason'>,
  ): void => {
    // A late judgement after the run has failed: the question will be asked again.
    if (closed) return;
    const { id, split, relation } = questions[index];
    const response: Response = { id, split, relation, class: outcome, stopped, samples };
    if (reason !== undefined) response.reason = reason;
    if (outcome === 'full' && settings.quota !== null) response.quota = settings.quota;
    writer.append(response);
    responses.set(id, response);
    tracker.record(index, outcome);
    report();
  };
  const settle = ({ index, samples, stopped }: Finished<ResponseSample>, outcome: Outcome): void => {
    const failed = samples.some(({ verdict }) => verdict === 'failed');
    record(index, outcome, {
      samples,
      stopped,
      reason: failed ? 'the judge gave no usable answer' : undefined,
    });
  };
  const backlog = openBacklog(async (batch: Finished<AskedSample>[]) => {
    const withQuestions = batch.map((one) => ({ ...one, question: questions[one.index] }));
    const judged = await judgeSamples(judging, withQuestions);
    const settled = withQuestions.map((one, i) => ({
      ...one,
      samples: judged[i],
      limits: limitsOf(one.index),
    }));
    const outcomes = await outcomesOf(judging, settled);
    settled.forEach((one, i) => {
      settle(one, outcomes[i]);
    });
  });
  const { immediate: span } = judging.spans;
  const checkThoughts = createThoughtCheck(settings);
  const finish = ({ id, samples, stopped, failure }: AskedResult): void => {
    const { index, judge, verdicts } = asked.get(id)!;
    asked.delete(id);
    if (failure !== undefined) {
      record(index, 'failed', { samples: [], stopped, reason: failure });
      return;
    }
    const known = samples.map(markUnfinished).map((sample) => {
      const verdict = sample.verdict ?? verdicts[sample.index] ?? (judge && verdictOn(sample, judge));
      return verdict ? { ...sample, verdict } : sample;
    });
    const judged = known.flatMap((sample) => (sample.verdict ? [toResponse(sample, sample.verdict)] : []));
    if (span && judged.length === samples.length) {
      settle({ index, samples: judged, stopped }, outcomeOf(span, judged, limitsOf(index)));
    } else backlog.add({ index, samples: known, stopped });
  };
  try {
    const stats = await sampler.sample({
      ready: isImmediate(judging) ? undefined : backlog.ready,
      next: () => {
        const index = pending ?? nextQuestion();
        pending = undefined;
        if (index === undefined) return undefined;
        const question = questions[index];
        const judge = immediateJudge(judging, question);
        asked.set(question.id, { index, judge, verdicts: new Array(settings.samples).fill(undefined) });
        return question;
      },
      onSample: (id, given) => {
        const { index, judge, verdicts } = asked.get(id)!;
        const sample = markUnfinished(given);
        checkThoughts(sample.unfinished === true);
        if (!judge) return true;
        verdicts[sample.index] = verdictOn(sample, judge);
        const known = verdicts.filter((verdict) => verdict !== undefined);
        return known.length === settings.samples || isWanted(index, known);
      },
      onResult: finish,
    });
    await backlog.drain();
    return { tracker, responses, stats };
  } finally {
    closed = true;
    writer.close();
  }
}

/** A response without an answer is not judged. */
function verdictOn({ text, unfinished }: AskedSample, judge: (response: string) => Verdict): Verdict {
  return unfinished ? 'uncertain' : judge(text);
}

/** A question with options is answered once. */
const ONE_ANSWER: ClassLimits = { samples: 1, minCorrect: 1, maxCorrect: 0 };

function isImmediate({ judge, spans }: Judging): boolean {
  return judge.immediate !== undefined && spans.immediate !== undefined;
}
