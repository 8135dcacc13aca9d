/** A question with everything that is accepted as its answer. */
export interface Question {
  /** Unique in its set, and stable: the same question has the same id in each run. */
  id: string;
  question: string;
  /** Accepted answers, the preferred one first; none for a fabricated question, the letter alone for a choice. */
  aliases: string[];
  /** What kind of question it is; samples are balanced within each relation. */
  relation: string;
  /** Where the fact comes from, as `package@version`. */
  source?: string;
  /** The number of possible answers, where there are so few that a guess is often right. */
  choices?: number;
  /** Set by data sets that come with splits of their own; otherwise the run halves them. */
  split?: 'train' | 'test';
  /**
   * `fabricated`: about something that does not exist, so any specific answer is made up and not knowing it is right.
   * `choice`: to be answered with the letter of one of `options`. Absent: an open question.
   */
  kind?: 'fabricated' | 'choice';
  /** The texts behind the letters A, B, C, … of a choice. */
  options?: string[];
}

/** A question before it has been checked and given its id. */
export interface Draft {
  /** Names the fact within its relation; the id is made of it. */
  key: string;
  question: string;
  aliases: string[];
}

/** The drafts of one relation. */
export interface Relation {
  name: string;
  source: string;
  drafts: Draft[];
  choices?: number;
}
