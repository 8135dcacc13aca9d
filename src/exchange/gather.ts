import { isInAnswer, parseResponse, rangeInResponse } from '../engine/text/thought.js';
import { UserError } from '../errors.js';
import type { Verdict } from '../judge/rule.js';
import type { Span } from '../judge/span.js';
import type { Judge } from '../judge/types.js';
import { classify, type QuestionClass, type Wanted } from '../pipeline/classify.js';
import { mostFrequent } from '../pipeline/select.js';
import { type ActivationFiles, findActivations } from './activations.js';
import { readAnswerTokens } from './answer-tokens.js';
import { detectFormat, type Format } from './detect.js';
import { readIds } from './ids.js';
import { type JudgedItem, type MeaningOfOne, readJudged } from './judged.js';
import { verdictOf } from './names.js';
import type { Skip } from './records.js';
import { readSamples } from './samples.js';
import { scriptOf } from './scripts.js';
import { findAnswer, locateAnswer } from './spell.js';

type Split = 'train' | 'test';

/** A question with all that the imported files say of it. */
export interface ImportedQuestion {
  id: string;
  source: string;
  line: number;
  question: string;
  aliases: string[];
  relation?: string;
  split?: Split;
  class: QuestionClass;
  samples: { text: string; verdict: Verdict; judge: string; cutOff?: true }[];
  /** Of a question that has a class to train on: the response that stands for it, and where its answer was said to be. */
  response?: string;
  span?: Span;
}

export interface ImportOptions {
  /** Files whose questions are split by the seed, or with `testPaths` all for training. */
  paths: string[];
  testPaths: string[];
  format?: Format;
  /** Judges again, in place of the verdicts of the files. */
  judge?: Judge;
  one?: MeaningOfOne;
  minCorrect?: number;
  maxCorrect?: number;
}

export interface Gathered {
  questions: ImportedQuestion[];
  activations?: ActivationFiles;
  skipped: Skip[];
}

/** A question while its files are read. */
interface Draft extends Omit<ImportedQuestion, 'class'> {
  /** What is said of {@link ImportedQuestion.response} alone. */
  verdict?: Verdict;
  /** The file says that it was cut off at a token limit. */
  cutOff?: true;
}

/**
 * Reads files of the published formats and puts together what they say of each question. What cannot be used is left out and
 * listed with its reason.
 * @throws UserError when a file cannot be read or is of no format, or files do not go together.
 */
export async function gatherImport(options: ImportOptions): Promise<Gathered> {
  const skipped: Skip[] = [];
  const skip = (one: Skip) => skipped.push(one);
  const seen = new Map<string, Draft>();
  const activations: ActivationFiles = new Map();
  const questions: ImportedQuestion[] = [];
  const named = options.testPaths.length > 0;
  const drafted: { draft: Draft; split?: Split; listed?: 'true' | 'false' }[] = [];
  for (const [split, paths] of [
    [named ? 'train' : undefined, options.paths],
    ['test', options.testPaths],
  ] as const) {
    const drafts = new Map<string, Draft>();
    /** Questions whose answer could not be found, whatever other files say of them; listed already. */
    const lost = new Set<string>();
    const ids = new Map<string, 'true' | 'false'>();
    for (const path of paths) {
      const format = options.format && paths.length === 1 ? options.format : await detectFormat(path);
      if (format === 'classifier') {
        throw new UserError(`${path} is a classifier: import it alone, with --out FILE.json`, {
          exitCode: 2,
        });
      }
      if (format === 'ids') for (const [id, judge] of await readIds(path)) ids.set(id, judge);
      else if (format === 'activations') merge(activations, await findActivations(path));
      else await addItems({ drafts, lost }, path, format, options, skip);
    }
    for (const draft of drafts.values()) {
      if (lost.has(draft.id)) continue;
      const leave = (reason: string) =>
        skip({ source: draft.source, line: draft.line, id: draft.id, reason });
      if (seen.has(draft.id)) leave('its id is also among the training questions');
      else if (ids.size > 0 && !ids.has(draft.id)) leave('not among the ids');
      else {
        seen.set(draft.id, draft);
        drafted.push({ draft, listed: ids.get(draft.id), ...(split && { split }) });
      }
    }
    for (const id of ids.keys()) {
      if (!drafts.has(id) && !lost.has(id))
        skip({ source: paths.join(', '), id, reason: 'among the ids, but no file has its response' });
    }
  }
  const judged =
    options.judge &&
    (await rejudge(
      options.judge,
      drafted.map(({ draft }) => draft),
    ));
  for (const { draft, split, listed } of drafted) {
    const question = finish(draft, listed, options, judged?.get(draft));
    if (typeof question !== 'string') questions.push({ ...question, ...(split && { split }) });
    else skip({ source: draft.source, line: draft.line, id: draft.id, reason: question });
  }
  if (questions.length === 0) throw nothingLeft(options, skipped);
  return { questions, skipped, ...(activations.size > 0 && { activations }) };
}

function merge(all: ActivationFiles, more: ActivationFiles): void {
  for (const [location, files] of more) all.set(location, new Map([...(all.get(location) ?? []), ...files]));
}

async function addItems(
  { drafts, lost }: { drafts: Map<string, Draft>; lost: Set<string> },
  path: string,
  format: 'samples' | 'answer-tokens' | 'judged',
  { one }: ImportOptions,
  skip: (skipped: Skip) => void,
): Promise<void> {
  const inFile = new Map<string, number>();
  const add = (
    item: { id: string; line: number; response?: string; answerTokens?: string[] },
    make: (draft: Draft | undefined) => Draft | string,
  ) => {
    const { id, line, response, answerTokens } = item;
    const leave = (reason: string, script?: string) =>
      skip({ source: path, line, id, reason, ...(script && { script }) });
    const first = inFile.get(id);
    if (first !== undefined) return leave(`its id is already used in line ${first}`);
    inFile.set(id, line);
    const draft = make(drafts.get(id));
    if (typeof draft !== 'string') drafts.set(id, draft);
    else {
      lost.add(id);
      leave(draft, answerTokens?.length && response ? scriptOf(response) : undefined);
    }
  };
  if (format === 'samples') {
    for (const item of await readSamples(path, skip)) {
      const { responses, judges, line: _, ...rest } = item;
      const samples = responses.map((text, i) => ({
        text,
        verdict: verdictOf(judges[i]),
        judge: 'imported',
      }));
      add(item, (old) => ({ source: path, line: item.line, ...old, ...rest, samples }));
    }
  } else if (format === 'answer-tokens') {
    for (const item of await readAnswerTokens(path, skip)) {
      const { id, line, question, response, judge } = item;
      const span = outsideThoughts(response, locateAnswer(response, item.tokens, item.answerTokens));
      add(item, (old) =>
        typeof span === 'string'
          ? span
          : {
              ...{ id, source: path, line, question, aliases: [], samples: [] },
              ...old,
              ...{ response, span },
              ...(judge && { verdict: verdictOf(judge) }),
            },
      );
    }
  } else {
    for (const item of await readJudged(path, one, skip)) {
      const { answer: _, answerTokens: __, response, verdict, line, ...rest } = item;
      const span = judgedSpan(item);
      add(item, () =>
        typeof span === 'string'
          ? span
          : { ...rest, source: path, line, response, verdict, ...(span && { span }), samples: [] },
      );
    }
  }
}

/** Where a judged response says that its answer is; the reason where it is not there; undefined where it does not say. */
export function judgedSpan(item: JudgedItem): Span | string | undefined {
  return outsideThoughts(item.response, statedSpan(item));
}

/** The same text outside of the thoughts of a response, where the span lies in one. */
function outsideThoughts(response: string, span: Span | string | undefined): Span | string | undefined {
  const parsed = parseResponse(response);
  if (parsed.unfinished) return 'its response ends inside a thought';
  if (!parsed.thought || typeof span !== 'object' || isInAnswer(parsed, span.start)) return span;
  const text = response.slice(span.start, span.end);
  const start = parsed.answer.indexOf(text);
  return start < 0
    ? `the answer ${JSON.stringify(text)} stands only in a thought of the response`
    : rangeInResponse(parsed, { start, end: start + text.length });
}

function statedSpan({ response, answer, answerTokens }: JudgedItem): Span | string | undefined {
  if (answerTokens?.length) return findAnswer(response, answerTokens);
  const text = answer?.trim();
  if (!text) return undefined;
  const start = response.indexOf(text);
  return start < 0
    ? `the answer ${JSON.stringify(text)} does not stand in the response`
    : { start, end: start + text.length };
}

type Sample = ImportedQuestion['samples'][number];

/** The samples of each question with the judge's verdicts; the reason where there are none. */
async function rejudge(judge: Judge, drafts: Draft[]): Promise<Map<Draft, Sample[] | string>> {
  const open = drafts.filter(({ aliases }) => aliases.length > 0);
  const items = open.map((draft) => {
    const { question, aliases } = draft;
    return textsOf(draft).map((response) => ({ question, aliases, response }));
  });
  const judgements = await judge.judge(items.flat());
  let at = 0;
  const judged = new Map<Draft, Sample[] | string>();
  open.forEach((draft, i) => {
    const own = judgements.slice(at, at + items[i].length);
    at += own.length;
    const samples = own.flatMap(({ verdict, judge: by }, k): Sample[] =>
      verdict === 'failed'
        ? []
        : [{ text: items[i][k].response, verdict, judge: by, ...(draft.cutOff && { cutOff: true }) }],
    );
    judged.set(draft, samples.length === own.length ? samples : 'the judge gave no usable answer');
  });
  for (const draft of drafts) {
    if (!judged.has(draft)) judged.set(draft, 'it has no accepted answers to judge by');
  }
  return judged;
}

function textsOf({ samples, response }: Draft): string[] {
  return samples.length > 0 ? samples.map(({ text }) => text) : [response!];
}

/**
 * The class of a question, and the response that stands for it; or the reason why it is left out.
 * @param listed what the file of ids says of it
 * @param judged its samples, where they were judged again
 */
function finish(
  draft: Draft,
  listed: 'true' | 'false' | undefined,
  options: ImportOptions,
  judged: Sample[] | string | undefined,
): ImportedQuestion | string {
  if (typeof judged === 'string') return judged;
  const { verdict, cutOff, ...rest } = draft;
  const said = listed ? verdictOf(listed) : verdict;
  let samples = judged ?? draft.samples;
  if (samples.length === 0) {
    if (said === undefined) return 'nothing says whether its answer is true';
    samples = [{ text: draft.response!, verdict: said, judge: 'imported', ...(cutOff && { cutOff }) }];
  }
  const kind = classify(
    samples.map((sample) => sample.verdict),
    {
      samples: samples.length,
      minCorrect: options.minCorrect ?? samples.length,
      maxCorrect: options.maxCorrect ?? 0,
    },
  );
  if (said !== undefined && said !== 'uncertain' && !judged && kind !== classOf(said)) {
    return `its samples make it ${kind}, but its answer is said to be ${said === 'correct' ? 'true' : 'false'}`;
  }
  const question: ImportedQuestion = { ...rest, samples, class: kind };
  if (kind !== 'faithful' && kind !== 'hallucinated') return { ...question, response: undefined };
  question.response ??= mostFrequent(samples, kind)!.text;
  return question;
}

function classOf(verdict: Exclude<Verdict, 'uncertain'>): Wanted {
  return verdict === 'correct' ? 'faithful' : 'hallucinated';
}

function nothingLeft({ paths, testPaths }: ImportOptions, skipped: Skip[]): UserError {
  const files = [...paths, ...testPaths].join(', ');
  const counts = countReasons(skipped);
  const advice = skipped.some(({ reason }) => reason.startsWith('nothing says'))
    ? '; name the file of ids too, or the samples with their judges'
    : '';
  const seen =
    counts.length > 0
      ? counts.map(([reason, count]) => `${count} x ${reason}`).join('; ')
      : 'no response in it';
  return new UserError(`nothing to import from ${files}: ${seen}${advice}`);
}

/** Reasons with how often each came, the most frequent first; what differs within quotation marks or in numbers counts as one. */
export function countReasons(skipped: Skip[]): [reason: string, count: number][] {
  const counts = new Map<string, { reason: string; count: number }>();
  for (const { reason } of skipped) {
    const key = reason.replace(/"(?:[^"\\]|\\.)*"/g, '"…"').replace(/\d+/g, 'N');
    const entry = counts.get(key);
    if (entry) entry.count++;
    else counts.set(key, { reason, count: 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count).map(({ reason, count }) => [reason, count]);
}
