import type { ComplianceItem } from './llm/compliance-prompts.js';
import type { Verdict } from './rule.js';
import type { Span } from './span.js';

/** A response with what is needed to judge it. */
export interface JudgeItem {
  question: string;
  /** Accepted answers. */
  aliases: readonly string[];
  response: string;
}

/** A verdict with all that says where it came from. */
export interface Judgement {
  /**
   * `failed`: the judge gave no usable answer, also when asked again, or the response ends inside a thought and there is no answer to
   * judge; the item must be left out and counted.
   */
  verdict: Verdict | 'failed';
  /** Which judge: `rule`, `rule:substring`, or `<model>@<endpoint host>` / `local:<model>`. */
  judge: string;
  /** Version of the prompt that an LLM was asked with. */
  promptVersion?: string;
  /** What the LLM said, word for word. */
  raw?: string;
}

/**
 * Tells whether responses are right. The rule judge answers at once; an LLM takes its time, so that several items
 * may be under way at the same time.
 */
export interface Judge {
  name: string;
  /** Of a judge that answers at once, for each question: lets sampling stop a question early. */
  immediate?(item: Omit<JudgeItem, 'response'>): (response: string) => Verdict;
  /** Judgements in the order of the items. Rejects with a UserError when the judge cannot be reached at all. */
  judge(items: readonly JudgeItem[], onProgress?: (done: number) => void): Promise<Judgement[]>;
}

/** What a judge or span extractor has done so far. */
export interface JudgeCounts {
  /** Answers that an LLM was asked for. */
  asked: number;
  /** Answers that were there from an earlier time. */
  cached: number;
  /** Answers that could not be used. */
  nonsense: number;
  /** Items left out: no usable answer, also when asked again. */
  failed: number;
}

/** Finds the answer itself within responses (method.md section 2). */
export interface SpanExtractor {
  name: string;
  /** Of an extractor that answers at once. */
  immediate?(response: string): Span | undefined;
  /** UTF-16 offsets into each response, in order; undefined where there is no answer, or none was named. */
  spans(
    items: readonly Omit<JudgeItem, 'aliases'>[],
    onProgress?: (done: number) => void,
  ): Promise<(Span | undefined)[]>;
}

/** Tells whether a model went along with what it should not have. */
export interface ComplianceJudge {
  name: string;
  promptVersion: string;
  /** In the order of the items; undefined where there was no usable verdict. */
  complies(
    items: readonly ComplianceItem[],
    onProgress?: (done: number) => void,
  ): Promise<(boolean | undefined)[]>;
}

/** A judge or span extractor that may hold connections or a model. */
export type Opened<T> = T & { counts(): JudgeCounts; close(): Promise<void> };
