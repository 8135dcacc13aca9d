import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import type { Case } from './cases.js';
import type { QuestionClass } from './classify.js';
import type { RunContext } from './context.js';
import { makeCases } from './make-cases.js';
import type { QuotaTracker } from './quota.js';
import type { Response } from './responses.js';
import { sampleQuestions } from './sample-questions.js';
import { matchClasses } from './select.js';
import type { CollectSettings } from './settings.js';
import type { SplitQuestion } from './split.js';
import { runStage } from './stage.js';

/** Fewer matched samples than this tell nothing. */
const FEWEST_MATCHED = 20;

/**
 * Stage 1 (method.md sections 1 and 2): asks the questions, judges the samples, and writes `responses.jsonl` (every
 * question that is done with) and `cases.jsonl` (the selected ones, matched within relation and split, with their
 * answer tokens).
 * @throws UserError when one class is missing or too small to train and test on.
 */
export async function collect(
  context: RunContext,
  questions: SplitQuestion[],
  settings: CollectSettings,
): Promise<boolean> {
  const { folder, emit } = context;
  const definition = {
    stage: 'collect' as const,
    settings: { ...settings },
    inputs: { model: folder.manifest.model.sha256, questions: folder.manifest.questions.sha256 },
    extendable: ['quota'],
    kept: ['responses.jsonl'],
  };
  return runStage(folder, definition, context.versions, emit, async () => {
    await writeFileAtomic(folder.file('questions.jsonl'), toLines(questions));
    const engine = await context.engine();
    const sampled = await sampleQuestions({
      engine,
      questions,
      settings,
      path: folder.file('responses.jsonl'),
      onProgress: ({ asked, total, tracker }) => emit(collectProgress(asked, total, tracker, settings.quota)),
    });
    const taken = sampled.tracker.taken().map((index) => {
      const question = questions[index];
      const { id } = question;
      return { question, response: sampled.responses.get(id)!, prompt: sampled.prompts.get(id)! };
    });
    const cases = matchClasses(await makeCases(engine, taken));
    checkCases(cases, [...sampled.responses.values()], settings);
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
        ...(stats ? { sampledTokens: stats.sampledTokens, decodedRows: stats.decodedRows } : {}),
      },
      summary: `${sampled.responses.size} questions asked, ${cases.length} matched samples (${train} to train on, ${cases.length - train} to test)`,
    };
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

function countClasses(responses: Iterable<Response>): Record<QuestionClass | 'stopped', number> {
  const counts = { faithful: 0, hallucinated: 0, mixed: 0, uncertain: 0, stopped: 0 };
  for (const response of responses) counts[response.class === 'full' ? 'stopped' : response.class]++;
  return counts;
}

/** @throws UserError that says what is missing, what was seen, and what to change. */
function checkCases(cases: Case[], responses: Response[], settings: CollectSettings): void {
  const train = cases.filter((one) => one.split === 'train').length;
  const test = cases.length - train;
  if (Math.min(train, test) >= FEWEST_MATCHED) return;
  const { faithful, hallucinated, mixed, uncertain } = countClasses(responses);
  const seen = `${responses.length} questions gave ${faithful} faithful, ${hallucinated} hallucinated, ${mixed} mixed, ${uncertain} uncertain`;
  const loose = Math.round(0.8 * settings.samples);
  const relaxed = `--min-correct ${loose} --max-correct ${settings.samples - loose}`;
  let problem: string;
  let advice: string;
  if (faithful === 0) {
    problem = 'no faithful question';
    advice = `take a larger model, easier questions, a lower --temperature, or ${relaxed}`;
  } else if (hallucinated === 0) {
    problem = 'no hallucinated question';
    advice = `take a smaller model, harder questions, a higher --temperature, or ${relaxed}`;
  } else {
    problem = `only ${train} matched samples to train on and ${test} to test (${FEWEST_MATCHED} of each are needed)`;
    advice = `take more questions (a relation needs both classes), another model, or ${relaxed}`;
  }
  throw new UserError(`${problem}: ${seen}; ${advice}`);
}

function toLines(values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
