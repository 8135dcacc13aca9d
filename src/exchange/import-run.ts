import { type PromptStyle, promptStyle } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { answerSpan } from '../judge/span.js';
import type { SpanExtractor } from '../judge/types.js';
import type { Case } from '../pipeline/cases.js';
import type { Wanted } from '../pipeline/classify.js';
import type { RunContext } from '../pipeline/context.js';
import { countEndings } from '../pipeline/endings.js';
import { makePairs } from '../pipeline/pairs.js';
import type { Response } from '../pipeline/responses.js';
import { matchClasses } from '../pipeline/select.js';
import type { CollectSettings } from '../pipeline/settings.js';
import { type Split, type SplitQuestion, splitQuestions } from '../pipeline/split.js';
import { runStage } from '../pipeline/stage.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import type { Question } from '../questions/types.js';
import type { ImportedQuestion } from './gather.js';
import {
  givenSpans,
  type Placed,
  readCandidates,
  retokenisingSampler,
  tokenizeBatch,
} from './import-tokens.js';
import type { Skip } from './records.js';

/** Questions that are tokenised at once: their tokens pass between two processes. */
const BATCH = 64;

/** A line is listed for each thing that was left out. */
export const SKIPPED_FILE = 'import-skipped.jsonl';

/**
 * The questions of an import as the run splits them, in the order of the files. Test questions about the same fact as a training
 * question are left out.
 */
export function placeQuestions(
  imported: ImportedQuestion[],
  seed: number,
  skipped: Skip[],
): { questions: Question[]; placed: Placed[] } {
  const questions = imported.map(({ id, question, aliases, relation = 'all', split }): Question => {
    return { id, question, aliases, relation, ...(split && { split }) };
  });
  const split = new Map(splitQuestions(questions, seed).map((question) => [question.id, question]));
  const placed = imported.flatMap((one): Placed[] => {
    const question = split.get(one.id);
    if (question) return [{ ...one, ...question }];
    const { source, line, id } = one;
    skipped.push({ source, line, id, reason: 'it asks the same as a training question' });
    return [];
  });
  return { questions, placed };
}

/**
 * The first stage from imported responses in place of sampled ones: `questions.jsonl`, `responses.jsonl` and `cases.jsonl`, and
 * what was left out in `import-skipped.jsonl`. Responses are tokenised for the run's model behind its own prompt.
 *
 * @param ready whether a question may become a case; default: every one
 * @throws UserError when no two questions of different class are left.
 */
export async function importRun(
  context: RunContext,
  options: {
    placed: Placed[];
    skipped: Skip[];
    settings: CollectSettings;
    /** Hash of all that was imported. */
    source: string;
    ready?: (id: string) => boolean;
  },
): Promise<boolean> {
  const { folder, emit } = context;
  const { placed, settings } = options;
  const definition = {
    stage: 'collect' as const,
    settings: { ...settings },
    inputs: {
      model: folder.manifest.model.sha256,
      questions: folder.manifest.questions.sha256,
      imported: options.source,
    },
  };
  return runStage(folder, definition, context.versions, emit, async () => {
    const engine = await context.engine();
    const style = promptStyle(engine.model, settings.promptStyle, FEW_SHOT);
    const work: Work = {
      ...{ context, engine, style, placed },
      spans: givenSpans(placed, style),
      ready: options.ready,
      skipped: [...options.skipped],
    };
    const { responses, candidates } = await takeResponses(work);
    // Only the matched ones are read: the log-probability of a response takes the model.
    const read = await readChosen(work, firstMatched(candidates, settings.quota));
    const cases = matchClasses(read);
    if (cases.length === 0) throw tooFew([...responses.values()]);
    const { spans, skipped } = work;
    // Without the model's own features there are none of pairs either.
    const pairs = options.ready
      ? []
      : await makePairs(retokenisingSampler(engine, style), spans, placed, responses, settings.pairs);
    const questions = placed.filter(({ id }) => responses.has(id)).map(toQuestion);
    await writeFileAtomic(folder.file('questions.jsonl'), toLines(questions));
    await writeFileAtomic(folder.file('responses.jsonl'), toLines([...responses.values()]));
    await writeFileAtomic(folder.file(SKIPPED_FILE), toLines(skipped));
    await writeFileAtomic(folder.file('pairs.jsonl'), toLines(pairs));
    await writeFileAtomic(folder.file('cases.jsonl'), toLines(cases));
    const train = cases.filter((one) => one.split === 'train').length;
    const all = [...responses.values()];
    const samples = all.reduce((sum, response) => sum + response.samples.length, 0);
    return {
      counts: {
        questions: all.length,
        responses: samples,
        ...countClasses(all),
        ...countEndings(all),
        matched: cases.length,
        train,
        test: cases.length - train,
        pairs: pairs.length,
        skipped: skipped.length,
      },
      summary: `${all.length} questions with ${samples} responses, ${cases.length} matched samples (${train} to train on, ${cases.length - train} to test)`,
    };
  });
}

/** Activation files do not hold the question's own tokens: that they are not known is said in the way of the other cases. */
function withoutQuestion(one: Case): Case {
  return { ...one, question_start: null, question_end: null };
}

/** As many of both classes in each relation and split, and of each split at most `quota` of a class: the first ones. */
function firstMatched<T extends { relation: string; split: Split; class: Wanted }>(
  items: T[],
  quota: number | null,
): T[] {
  const matched = matchClasses(items);
  if (quota === null) return matched;
  const left = new Map<string, number>();
  return matched.filter((one) => {
    const key = `${one.split} ${one.class}`;
    const count = left.get(key) ?? quota;
    left.set(key, count - 1);
    return count > 0;
  });
}

/** What the steps of an import share. */
interface Work {
  context: RunContext;
  engine: Engine;
  style: PromptStyle;
  placed: Placed[];
  spans: SpanExtractor;
  ready?: (id: string) => boolean;
  skipped: Skip[];
}

/** A question that may become a case. */
interface Candidate {
  question: Placed;
  response: Response;
  id: string;
  relation: string;
  split: Split;
  class: Wanted;
}

function leave({ skipped }: Work, { source, line, id }: Placed, reason: string): void {
  skipped.push({ source, line, id, reason });
}

/** The responses of all questions, by id, and those that have an answer to read. */
async function takeResponses(
  work: Work,
): Promise<{ responses: Map<string, Response>; candidates: Candidate[] }> {
  const { context, engine, style, placed } = work;
  const responses = new Map<string, Response>();
  const candidates: Candidate[] = [];
  const take = (question: Placed, response: Response) => {
    responses.set(question.id, response);
    if (question.response === undefined) return;
    if (!question.span && !answerSpan(question.response)) {
      response.class = 'uncertain';
      leave(work, question, 'its response has no answer in it');
    } else if (work.ready?.(question.id) === false) leave(work, question, 'it has no activations');
    else {
      const { id, relation, split } = question;
      candidates.push({ question, response, id, relation, split, class: question.class as Wanted });
    }
  };
  for (let from = 0; from < placed.length; from += BATCH) {
    context.signal?.throwIfAborted();
    context.emit({ type: 'progress', step: 'collect', done: from, total: placed.length, unit: 'questions' });
    const batch = placed.slice(from, from + BATCH);
    const made = await tokenizeBatch(engine, style, batch);
    for (const [i, { response, problem }] of made.entries()) {
      if (response) take(batch[i], response);
      else leave(work, batch[i], problem!);
    }
  }
  return { responses, candidates };
}

/** The cases of the chosen questions. */
async function readChosen(work: Work, chosen: Candidate[]): Promise<Case[]> {
  const { context, engine, style, spans } = work;
  const cases: Case[] = [];
  for (let from = 0; from < chosen.length; from += BATCH) {
    context.signal?.throwIfAborted();
    context.emit({ type: 'progress', step: 'collect', done: from, total: chosen.length, unit: 'samples' });
    const batch = chosen.slice(from, from + BATCH);
    const read = await readCandidates(engine, style, spans, batch);
    for (const [i, one] of read.entries()) {
      if (typeof one !== 'string') cases.push(work.ready ? withoutQuestion(one) : one);
      else {
        batch[i].response.class = 'uncertain';
        leave(work, batch[i].question, one);
      }
    }
  }
  return cases;
}

function countClasses(responses: Response[]): Record<string, number> {
  const counts: Record<string, number> = { faithful: 0, hallucinated: 0, mixed: 0, uncertain: 0 };
  for (const response of responses) counts[response.class]++;
  return counts;
}

function tooFew(responses: Response[]): UserError {
  const { faithful, hallucinated, mixed, uncertain } = countClasses(responses);
  return new UserError(
    `nothing to compare: ${responses.length} questions gave ${faithful} faithful, ${hallucinated} hallucinated, ${mixed} mixed, ${uncertain} uncertain; ` +
      'both classes are needed in the same relation and split (--min-correct and --max-correct relax the classes)',
  );
}

function toQuestion({ id, question, aliases, relation, split, group }: Placed): SplitQuestion {
  return { id, question, aliases, relation, split, group };
}

function toLines(values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
