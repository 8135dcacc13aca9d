import { promptStyle } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { answerSpan, type Span } from '../judge/span.js';
import type { Case } from '../pipeline/cases.js';
import type { Wanted } from '../pipeline/classify.js';
import type { RunContext } from '../pipeline/context.js';
import { distinctAnswers, tokenTexts } from '../pipeline/make-cases.js';
import type { Response, ResponseSample } from '../pipeline/responses.js';
import { matchClasses } from '../pipeline/select.js';
import { type Sequence, tokenizeSequences } from '../pipeline/sequence.js';
import type { CollectSettings } from '../pipeline/settings.js';
import { type SplitQuestion, splitQuestions } from '../pipeline/split.js';
import { runStage } from '../pipeline/stage.js';
import { tokensOf } from '../pipeline/token-spans.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import type { Question } from '../questions/types.js';
import type { ImportedQuestion } from './gather.js';
import { behindPrompt } from './names.js';
import type { Skip } from './records.js';

/** Questions that are tokenised at once: their tokens pass between two processes. */
const BATCH = 64;

/** A line is listed for each thing that was left out. */
export const SKIPPED_FILE = 'import-skipped.jsonl';

/** An imported question with its place in the run. */
type Placed = ImportedQuestion & SplitQuestion;

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
    const skipped = [...options.skipped];
    const responses: Response[] = [];
    const candidates: Case[] = [];
    for (let from = 0; from < placed.length; from += BATCH) {
      context.signal?.throwIfAborted();
      emit({ type: 'progress', step: 'collect', done: from, total: placed.length, unit: 'questions' });
      const made = await tokenizeBatch(engine, placed.slice(from, from + BATCH), settings);
      for (const { question, response, one, problem } of made) {
        const { source, line, id } = question;
        if (problem !== undefined) skipped.push({ source, line, id, reason: problem });
        if (response) responses.push(response);
        if (one && (options.ready?.(id) ?? true)) candidates.push(one);
        else if (one) skipped.push({ source, line, id, reason: 'it has no activations' });
      }
    }
    const cases = firstMatched(candidates, settings.quota);
    if (cases.length === 0) throw tooFew(responses);
    const kept = new Set(responses.map(({ id }) => id));
    const questions = placed.filter(({ id }) => kept.has(id)).map(toQuestion);
    await writeFileAtomic(folder.file('questions.jsonl'), toLines(questions));
    await writeFileAtomic(folder.file('responses.jsonl'), toLines(responses));
    await writeFileAtomic(folder.file(SKIPPED_FILE), toLines(skipped));
    await writeFileAtomic(folder.file('cases.jsonl'), toLines(cases));
    const train = cases.filter((one) => one.split === 'train').length;
    const samples = responses.reduce((sum, response) => sum + response.samples.length, 0);
    return {
      counts: {
        questions: responses.length,
        responses: samples,
        ...countClasses(responses),
        matched: cases.length,
        train,
        test: cases.length - train,
        skipped: skipped.length,
      },
      summary: `${responses.length} questions with ${samples} responses, ${cases.length} matched samples (${train} to train on, ${cases.length - train} to test)`,
    };
  });
}

interface Made {
  question: Placed;
  response?: Response;
  one?: Case;
  problem?: string;
}

/** Tokenises each text of each question once, behind its prompt. */
async function tokenizeBatch(engine: Engine, batch: Placed[], settings: CollectSettings): Promise<Made[]> {
  const style = promptStyle(engine.model, settings.promptStyle, FEW_SHOT);
  const texts = batch.flatMap((question) => {
    const prompt = style.text(question.question);
    const own = new Set([
      ...question.samples.map(({ text }) => text),
      ...(question.response === undefined ? [] : [question.response]),
    ]);
    return [...own].map((text) => ({ question, text, prompt, response: behindPrompt(text, style.kind) }));
  });
  const sequences = await tokenizeSequences(engine, texts, style.tokenize);
  const hostile = style.tokenize.special ? await holdsSpecial(engine, texts) : [];
  const found = new Map<Placed, Map<string, Sequence | undefined>>(batch.map((one) => [one, new Map()]));
  texts.forEach(({ question, text }, i) => {
    found.get(question)!.set(text, hostile[i] ? undefined : sequences[i]);
  });
  return batch.map((question) => {
    const own = found.get(question)!;
    if ([...own.values()].some((sequence) => sequence === undefined)) {
      return { question, problem: "the model's tokens do not spell a response of it" };
    }
    const samples = question.samples.map(
      ({ text, verdict, judge }, index): ResponseSample => ({
        index,
        text: behindPrompt(text, style.kind),
        tokens: responseTokens(own.get(text)!),
        verdict,
        logProbability: null,
        finish: 'end',
        judge,
      }),
    );
    const { id, split, relation } = question;
    const response: Response = { id, split, relation, class: question.class, stopped: false, samples };
    if (question.response === undefined) return { question, response };
    const text = behindPrompt(question.response, style.kind);
    const one = makeCase(question, response, own.get(question.response)!, text);
    if (typeof one !== 'string') return { question, response, one };
    return { question, response: { ...response, class: 'uncertain' }, problem: one };
  });
}

/** Whether a response spells a special token: behind a chat template it would be one, and end the turn, say. */
async function holdsSpecial(engine: Engine, texts: { text: string }[]): Promise<boolean[]> {
  const own = texts.map(({ text }) => text);
  const [plain, special] = await Promise.all(
    [false, true].map((special) => engine.tokenize(own, { special, bos: false })),
  );
  return plain.map((tokens, i) => tokens.join() !== special[i].join());
}

function responseTokens({ tokens, responseStart }: Sequence): number[] {
  return Array.from(tokens.subarray(responseStart));
}

/** The case of a question, or why there is none. `text`: its response as it stands behind the prompt. */
function makeCase(question: Placed, response: Response, sequence: Sequence, text: string): Case | string {
  const moved = text.length - question.response!.length;
  const span: Span | undefined = question.span
    ? { start: question.span.start + moved, end: question.span.end + moved }
    : answerSpan(text);
  const { tokens, responseStart, spans } = sequence;
  const answer = span && tokensOf(spans, span.start, span.end);
  if (!span || !answer) return 'its response has no answer in it';
  const shown = spans.map(({ start, end }) => ({ start: Math.max(0, start), end }));
  return {
    id: question.id,
    group: question.group,
    split: question.split,
    relation: question.relation,
    class: question.class as Wanted,
    question: question.question,
    aliases: question.aliases,
    response: text,
    answer: text.slice(span.start, span.end),
    token_ids: Array.from(tokens),
    response_start: responseStart,
    answer_start: responseStart + answer.start,
    answer_end: responseStart + answer.end,
    token_texts: tokenTexts(text, shown),
    distinct_answers: distinctAnswers(response),
    mean_log_probability: null,
  };
}

/** As many of both classes in each relation and split, and of each split at most `quota` of a class: the first ones. */
function firstMatched(cases: Case[], quota: number | null): Case[] {
  const matched = matchClasses(cases);
  if (quota === null) return matched;
  const left = new Map<string, number>();
  return matched.filter((one) => {
    const key = `${one.split} ${one.class}`;
    const count = left.get(key) ?? quota;
    left.set(key, count - 1);
    return count > 0;
  });
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
