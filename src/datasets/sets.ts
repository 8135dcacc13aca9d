import type { Fields } from './fields.js';

/** A set on the hub. */
export interface HubSet {
  /** Data set repository. */
  repo: string;
  /** Its configuration, by which the hub names the files. */
  config: string;
  /** Which of its splits is trained and tested on. A set with `all` alone has one split, and the run halves it. */
  splits: { train: string; test: string } | { all: string };
}

export interface SetDescription {
  /** One line for the help. */
  summary: string;
  /** Missing: the questions are made here, or the user brings the file. */
  hub?: HubSet;
  /** Columns of the set's own files; a file with the usual columns can stand in for it as well. */
  fields?: Fields;
  /** Where to get the file of a set that nobody may pass on. */
  bring?: string;
}

/**
 * Every data set by name: where it is and which of its columns hold what. As in the paper, `train` is trained and
 * `validation` tested on; the comments say where a set lacks one.
 */
export const SETS = {
  facts: { summary: 'the built-in questions about facts' },
  triviaqa: {
    summary: 'TriviaQA, rc.nocontext',
    hub: {
      repo: 'mandarjoshi/trivia_qa',
      config: 'rc.nocontext',
      // The answers of its test split are kept secret.
      splits: { train: 'train', test: 'validation' },
    },
    fields: { id: 'question_id', question: 'question', aliases: ['answer.value', 'answer.aliases'] },
  },
  'nq-open': {
    summary: 'Natural Questions, open version',
    hub: {
      repo: 'google-research-datasets/nq_open',
      config: 'nq_open',
      splits: { train: 'train', test: 'validation' },
    },
    fields: { question: 'question', aliases: ['answer'] },
  },
  bioasq: {
    summary: 'BioASQ, factoid questions (your own file)',
    bring:
      'register at https://participants-area.bioasq.org/datasets/, download the training set of Task b, and pass it as bioasq=FILE',
    fields: {
      id: 'id',
      question: 'body',
      aliases: ['exact_answer'],
      only: { column: 'type', value: 'factoid' },
    },
  },
  simpleqa: {
    summary: 'SimpleQA',
    // It has a test split only: the run halves it.
    hub: { repo: 'basicv8vc/SimpleQA', config: 'default', splits: { all: 'test' } },
    fields: { question: 'problem', aliases: ['answer'] },
  },
  nonexist: { summary: 'questions about things that do not exist, made here' },
  'nonexist-mirror': { summary: 'the same questions about famous things that do' },
  mmlu: {
    summary: 'MMLU, multiple choice',
    // What it has to train on are other exams (auxiliary_train), so its test split is halved.
    hub: { repo: 'cais/mmlu', config: 'all', splits: { all: 'test' } },
    fields: { question: 'question', options: ['choices'], answer: 'answer', relation: 'subject' },
  },
  medqa: {
    summary: 'MedQA (USMLE, four options), multiple choice',
    // It has no validation split.
    hub: {
      repo: 'GBaker/MedQA-USMLE-4-options',
      config: 'default',
      splits: { train: 'train', test: 'test' },
    },
    fields: { question: 'question', options: ['options'], answer: 'answer_idx' },
  },
  medmcqa: {
    summary: 'MedMCQA, multiple choice',
    hub: {
      repo: 'openlifescienceai/medmcqa',
      config: 'default',
      // The answers of its test split are kept secret.
      splits: { train: 'train', test: 'validation' },
    },
    fields: {
      id: 'id',
      question: 'question',
      options: ['opa', 'opb', 'opc', 'opd'],
      answer: 'cop',
      relation: 'subject_name',
    },
  },
} satisfies Record<string, SetDescription>;

export type SetName = keyof typeof SETS;

export function isSetName(text: string): text is SetName {
  return Object.hasOwn(SETS, text);
}
