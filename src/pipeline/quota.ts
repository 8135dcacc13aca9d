import type { QuestionClass, Wanted } from './classify.js';
import type { Split } from './split.js';

/** What the selection needs to know of a question, in the order of asking. */
export interface QuotaQuestion {
  relation: string;
  split: Split;
}

/** How far one class may run ahead of the other within a relation: surplus has no partner and is dropped in the end. */
const LEAD = 8;
/** The largest part of the quota that one relation may fill, so that no topic makes up the result. */
const RELATION_SHARE = 0.35;

/** A relation that shows one class alone for this many questions of a split is left: it will hardly give a matched pair. */
const PATIENCE = 30;

/** Result of a question: its class, `failed` when server or judge gave no usable answer, or `full` when it was given up because its class needed no more. */
export type Outcome = QuestionClass | 'failed' | 'full';

/** A relation in a split. */
interface Cell {
  /** Taken questions. */
  faithful: number;
  hallucinated: number;
  /** Questions that are folded in, and which classes were among them. */
  asked: number;
  seen: Set<Outcome>;
  /** Left, because one class never came. */
  closed: boolean;
}

/**
 * Decides which questions are taken and which need not be asked to the end.
 *
 * The taken ones follow from the outcomes in question order alone: within relation and split, a question is taken
 * while its class is below the cap and not more than LEAD ahead of the other class, until the split has its matched samples.
 * Neither timing nor a restart changes the set: outcomes come in any order, but they are folded in question order, and a question
 * is given up only when every outcome of the earlier ones that are still open would leave it out.
 */
export class QuotaTracker {
  private readonly outcomes: (Outcome | undefined)[];
  /** Questions of each relation and split, in order. */
  private readonly lists = new Map<string, { order: number[]; cell: Cell }>();
  private readonly keys: string[];
  /** All questions before this one are folded into the splits' totals. */
  private cursor = 0;
  private readonly matched: Record<Split, number> = { train: 0, test: 0 };
  private readonly members: number[] = [];
  private readonly cap: number;

  constructor(
    private readonly questions: QuotaQuestion[],
    private readonly quota: number | null,
  ) {
    this.outcomes = new Array(questions.length).fill(undefined);
    this.keys = questions.map((question) => `${question.split}\n${question.relation}`);
    const relations = new Set(questions.map((question) => question.relation)).size;
    // With few relations the share of one must be larger, or the quota could not be filled.
    const share = Math.min(1, Math.max(RELATION_SHARE, 2 / relations));
    this.cap = quota === null ? Number.POSITIVE_INFINITY : Math.ceil(quota * share);
    this.keys.forEach((key, index) => {
      const list = this.lists.get(key);
      if (list) list.order.push(index);
      else {
        const cell: Cell = { faithful: 0, hallucinated: 0, asked: 0, seen: new Set(), closed: false };
        this.lists.set(key, { order: [index], cell });
      }
    });
  }

  /** Takes note of what came out for question `index`. */
  record(index: number, outcome: Outcome): void {
    this.outcomes[index] = outcome;
    this.fold();
  }

  outcome(index: number): Outcome | undefined {
    return this.outcomes[index];
  }

  /** Whether the split of a question has all matched samples that it needs. */
  splitFull(split: Split): boolean {
    return this.quota !== null && this.matched[split] >= this.quota;
  }

  /** Matched samples of each class so far. */
  matchedOf(split: Split): number {
    return this.quota === null ? this.matched[split] : Math.min(this.matched[split], this.quota);
  }

  /**
   * Whether question `index` will not be taken even if it turns out to be of class `wanted`, whatever becomes of the
   * earlier questions that are still open.
   */
  isFull(index: number, wanted: Wanted): boolean {
    if (this.quota === null) return false;
    if (this.splitFull(this.questions[index].split)) return true;
    const { order, cell } = this.lists.get(this.keys[index])!;
    if (cell.closed || cell[wanted] >= this.cap) return true;
    const other: Wanted = wanted === 'faithful' ? 'hallucinated' : 'faithful';
    let ahead = cell[wanted] - cell[other];
    if (ahead < LEAD) return false;
    for (let i = cell.asked; i < order.length && order[i] < index; i++) {
      const outcome = this.outcomes[order[i]];
      if (outcome === undefined || outcome === other) ahead--;
    }
    return ahead >= LEAD;
  }

  /** The taken questions, in order. */
  taken(): number[] {
    return [...this.members];
  }

  private fold(): void {
    while (this.cursor < this.questions.length) {
      const index = this.cursor;
      const { split } = this.questions[index];
      const outcome = this.outcomes[index];
      if (outcome === undefined && !this.splitFull(split)) return;
      const { cell } = this.lists.get(this.keys[index])!;
      this.cursor++;
      if (this.quota === null || !this.splitFull(split)) this.take(index, cell, outcome!, split);
      cell.asked++;
    }
  }

  private take(index: number, cell: Cell, outcome: Outcome, split: Split): void {
    if (outcome === 'faithful' || outcome === 'hallucinated') {
      const other: Wanted = outcome === 'faithful' ? 'hallucinated' : 'faithful';
      const surplus = cell[outcome] >= this.cap || cell[outcome] - cell[other] >= LEAD;
      if (this.quota === null || !(cell.closed || surplus)) {
        cell[outcome]++;
        this.members.push(index);
        if (cell[outcome] <= cell[other]) this.matched[split]++;
      }
    }
    cell.seen.add(outcome);
    if (cell.asked + 1 === PATIENCE)
      cell.closed = !(cell.seen.has('faithful') && cell.seen.has('hallucinated'));
  }
}
