import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { LETTER_RULE } from '../judge/letter.js';
import { ruleJudge, ruleSpans } from '../judge/rule-judge.js';
import type { Case } from './cases.js';
import type { QuestionClass } from './classify.js';
import type { RunContext } from './context.js';
import { countEndings, endingNotes } from './endings.js';
import type { EndpointAccess } from './endpoint-sampler.js';
import type { Judging } from './judging.js';
import { makeCases } from './make-cases.js';
import { openSampler } from './open-sampler.js';
import { makePairs } from './pairs.js';
import type { QuotaTracker } from './quota.js';
import type { Response } from './responses.js';
import { sampleQuestions } from './sample-questions.js';
import { matchClasses } from './select.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';
import { runStage } from './stage.js';

/** Fewer matched samples than this tell nothing. */
const FEWEST_MATCHED = 20;

/** A judge and a span extractor that may hold connections or a model. */
export type OpenJudging = Judging & { close?(): Promise<void> };

/** What the settings of a collection only name. */
export interface CollectTools {
  /** Opens judge and span extractor; called when there is something to judge. */
  openJudging(): Promise<OpenJudging>;
  access: EndpointAccess;
}

/** The rules of this program judge, and find the answers. */
export const RULE_TOOLS: CollectTools = {
  openJudging: async () => ({ judge: ruleJudge(), spans: ruleSpans() }),
  access: {},
};

/** So many questions that were left out are named; all are counted. */
const NAMED = 5;

/**
 * Stage 1 (method.md sections 1 and 2): asks the questions, judges the samples, and writes `responses.jsonl` (every
 * question that is done with), `cases.jsonl` (the selected ones, matched within relation and split, with their
 * answer tokens) and `pairs.jsonl` (a right and a wrong answer to the same mixed question).
 * @throws TooFewError when one class is missing or too small to train and test on.
 */
export async function collect(
  context: RunContext,
  questions: SplitQuestion[],
  settings: CollectSettings,
  tools: CollectTools = RULE_TOOLS,
): Promise<boolean> {
  const { folder, emit, signal } = context;
  const onNotice = (message: string) => emit({ type: 'note', message });
  const definition = {
    stage: 'collect' as const,
    // Verdicts on letters that are said are kept; those on log-probabilities do not depend on how a letter is read.
    settings: { ...settings, ...(settings.choice === 'greedy' && { letters: LETTER_RULE }) },
    inputs: { model: folder.manifest.model.sha256, questions: folder.manifest.questions.sha256 },
    extendable: ['quota', 'pairs'],
    kept: ['responses.jsonl'],
  };
  return runStage(folder, definition, context.versions, emit, async () => {
    await writeFileAtomic(folder.file('questions.jsonl'), toLines(questions));
    const engine = await context.engine();
    const judging = await tools.openJudging();
    const { access } = tools;
    try {
      const sampler = await openSampler({ engine, questions, settings, access, signal, onNotice });
      const sampled = await sampleQuestions({
        sampler,
        judging,
        questions,
        settings,
        path: folder.file('responses.jsonl'),
        onProgress: ({ asked, total, tracker }) =>
          emit(collectProgress(asked, total, tracker, settings.quota)),
      });
      const taken = sampled.tracker.taken().map((index) => {
        const question = questions[index];
        return { question, response: sampled.responses.get(question.id)! };
      });
      const responses = [...sampled.responses.values()];
      for (const note of [...leftOut(responses), ...endingNotes(responses, settings)]) onNotice(note);
      const cases = matchClasses(await makeCases(engine, sampler, judging.spans, taken));
      checkCases(cases, responses, settings);
      const pairs = await makePairs(sampler, judging.spans, questions, sampled.responses, settings.pairs);
      await writeFileAtomic(folder.file('pairs.jsonl'), toLines(pairs));
      await writeFileAtomic(folder.file('cases.jsonl'), toLines(cases));
      const { stats } = sampled;
      const train = cases.filter((one) => one.split === 'train').length;
      return {
        counts: {
          questions: sampled.responses.size,
          ...countClasses(sampled.responses.values()),
          matched: cases.length,
          train,
          test: cases.length - train,
          pairs: pairs.length,
          ...countEndings(responses),
          questionsNotFound: cases.filter((one) => one.question_start === null).length,
          ...(stats ? { sampledTokens: stats.sampledTokens, decodedRows: stats.decodedRows } : {}),
        },
        summary: `${sampled.responses.size} questions asked, ${cases.length} matched samples (${train} to train on, ${cases.length - train} to test)`,
      };
    } finally {
      await judging.close?.();
    }
  });
}

function collectProgress(asked: number, total: number, tracker: QuotaTracker, quota: number | null) {
  const matched = tracker.matchedOf('train') + tracker.matchedOf('test');
  const progress = {
    type: 'progress' as const,
    step: 'collect' as const,
    done: asked,
    total,
    unit: 'questions',
  };
  if (quota === null) return { ...progress, detail: `${2 * matched} matched` };
  // It ends with the questions or with the quota of the slower split, whichever comes first.
  const slower = Math.min(tracker.matchedOf('train'), tracker.matchedOf('test'));
  return {
    ...progress,
    detail: `${2 * matched} of ${4 * quota} matched`,
    fraction: Math.max(asked / total, slower / quota),
  };
}

function countClasses(responses: Iterable<Response>): Record<QuestionClass | 'failed' | 'stopped', number> {
  const counts = { faithful: 0, hallucinated: 0, mixed: 0, uncertain: 0, failed: 0, stopped: 0 };
  for (const response of responses) counts[response.class === 'full' ? 'stopped' : response.class]++;
  return counts;
}

/** What was left out, with the first few ids. */
function leftOut(responses: Response[]): string[] {
  const list = (all: Response[]) => {
    const named = all.slice(0, NAMED).map(({ id, reason }) => (reason ? `${id} (${reason})` : id));
    return named.join(', ') + (all.length > NAMED ? ` and ${all.length - NAMED} more` : '');
  };
  const failed = responses.filter((response) => response.class === 'failed');
  const unreadable = responses.filter(({ samples }) => samples.some((sample) => sample.unreadable));
  const notes: string[] = [];
  if (failed.length > 0)
    notes.push(`left out, ${failed.length} of ${responses.length} questions: ${list(failed)}`);
  if (unreadable.length > 0) {
    notes.push(
      `responses that the tokenizer of the model cannot spell were not read, in ${unreadable.length} questions: ${list(unreadable)}`,
    );
  }
  return notes;
}

/** Too few questions were answered in a steady way to compare right with wrong answers. */
export class TooFewError extends UserError {}

/** @throws TooFewError that says what is missing, what was seen, and what to change. */
function checkCases(cases: Case[], responses: Response[], settings: CollectSettings): void {
  const train = cases.filter((one) => one.split === 'train').length;
  const test = cases.length - train;
  if (Math.min(train, test) >= FEWEST_MATCHED) return;
  const { faithful, hallucinated, mixed, uncertain, failed } = countClasses(responses);
  const left = failed > 0 ? `, ${failed} without a usable answer of server or judge` : '';
  const seen = `${responses.length} questions gave ${faithful} faithful, ${hallucinated} hallucinated, ${mixed} mixed, ${uncertain} uncertain${left}`;
  const loose = Math.round(0.8 * settings.samples);
  // Questions with options are answered once, without chance.
  const drawn = responses.some(({ samples }) => samples.some(({ choice }) => choice === undefined));
  const relaxed = drawn ? `, or --min-correct ${loose} --max-correct ${settings.samples - loose}` : '';
  const colder = drawn ? ', a lower --temperature' : '';
  const hotter = drawn ? ', a higher --temperature' : '';
  let problem: string;
  let advice: string;
  if (faithful === 0) {
    problem = 'no faithful question';
    advice = `take a larger model, easier questions${colder}${relaxed}`;
  } else if (hallucinated === 0) {
    problem = 'no hallucinated question';
    advice = `take a smaller model, harder questions${hotter}${relaxed}`;
  } else {
    problem = `only ${train} matched samples to train on and ${test} to test (${FEWEST_MATCHED} of each are needed)`;
    advice = `take more questions (a relation needs both classes), another model${relaxed}`;
  }
  throw new TooFewError(`${problem}: ${seen}; ${advice}`);
}

function toLines(values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
