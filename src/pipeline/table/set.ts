import { UserError } from '../../errors.js';
import type { Question } from '../../questions/types.js';
import type { Wanted } from '../classify.js';
import { hashText, stableJson } from '../fingerprint.js';
import { takeTurns } from '../split.js';
import { type GroupedQuestion, leaveOutTrained } from './unseen.js';

/** A data set as it was opened. */
export interface Dataset {
  name: string;
  /** Where it came from, for people. */
  source: string;
  questions: Question[];
}

/**
 * Puts the real questions of `nonexist-mirror` into `nonexist`, where both are there: they share their templates, which are
 * their relations. On its own, each stays as it is.
 */
export function withMirror(datasets: readonly Dataset[]): Dataset[] {
  const made = datasets.find(({ name }) => name === 'nonexist');
  const mirror = datasets.find(({ name }) => name === 'nonexist-mirror');
  if (!made || !mirror) return [...datasets];
  const real = mirror.questions.map((question) => ({ ...question, id: `mirror/${question.id}` }));
  const both: Dataset = {
    name: made.name,
    source: [...new Set([made.source, mirror.source])].join(' + '),
    questions: [...made.questions, ...real],
  };
  return datasets.flatMap((dataset) => (dataset === made ? [both] : dataset === mirror ? [] : [dataset]));
}

/** What is known of an answer once it is judged. */
export interface JudgedAnswer {
  fabricated: boolean;
  verdict: 'correct' | 'wrong' | 'uncertain' | 'failed';
}

/** One row that is made of a data set: which of its answers stand for which class. */
export interface RowKind {
  name: string;
  classOf(answer: JudgedAnswer): Wanted | undefined;
}

/** A data set as it will be asked. */
export interface TableSet {
  name: string;
  source: string;
  /** In the order of asking. */
  questions: GroupedQuestion[];
  /** The first one decides when enough has been asked. */
  rows: RowKind[];
  /** Questions before any was left out. */
  total: number;
  /** Left out, because the detector was trained on them. */
  trained: number;
}

/**
 * Prepares a data set (its test split): without what the detector was trained on, in an order that `seed` decides, the
 * kinds of question taking turns, cut at `limit`.
 * @throws UserError for multiple choice, and when no question is left.
 */
export function prepareSet(
  { name, source, questions }: Dataset,
  training: readonly Question[],
  options: { seed: number; limit: number },
): TableSet {
  if (questions.some(({ kind }) => kind === 'choice')) {
    throw new UserError(`${name} is multiple choice; the table takes questions with an open answer`, {
      exitCode: 2,
    });
  }
  const { kept, trained } = leaveOutTrained(questions, training);
  if (kept.length === 0) {
    throw new UserError(
      `the detector was trained on all ${questions.length} questions of ${name} (${source}); give others`,
    );
  }
  const order = takeTurns(kept, ({ relation, kind }) => `${relation}\n${kind ?? ''}`, options.seed);
  return {
    name,
    source,
    questions: order.slice(0, options.limit),
    rows: rowKinds(name, kept),
    total: questions.length,
    trained,
  };
}

/** Hash of all that decides what is asked and how it is sorted. */
export function hashSet({ questions }: TableSet): string {
  return hashText(
    stableJson(
      questions.map(({ id, question, aliases, relation, kind, group }) => [
        id,
        question,
        aliases,
        relation,
        kind,
        group,
      ]),
    ),
  );
}

/**
 * Open questions: right answers against wrong ones. Fabricated ones, where any specific answer is made up: against right answers to
 * real questions of the same template, if the set has some, and against refusals, as in the paper.
 */
function rowKinds(name: string, questions: readonly Question[]): RowKind[] {
  const fabricated = questions.some(({ kind }) => kind === 'fabricated');
  const open = questions.some(({ kind }) => kind === undefined);
  if (!fabricated) {
    return [{ name, classOf: ({ verdict }) => (verdict === 'correct' ? 'faithful' : wrongAnswer(verdict)) }];
  }
  const refusals: RowKind = {
    name: `${name} (vs. refusals)`,
    classOf({ fabricated, verdict }) {
      if (!fabricated) return undefined;
      return verdict === 'correct' ? 'faithful' : wrongAnswer(verdict);
    },
  };
  const mirror: RowKind = {
    name: `${name} (vs. mirror)`,
    classOf({ fabricated, verdict }) {
      if (fabricated) return wrongAnswer(verdict);
      return verdict === 'correct' ? 'faithful' : undefined;
    },
  };
  return open ? [mirror, refusals] : [refusals];
}

const wrongAnswer = (verdict: JudgedAnswer['verdict']) => (verdict === 'wrong' ? 'hallucinated' : undefined);
