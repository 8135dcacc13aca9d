import type { Question } from '../questions/types.js';
import { derive, int, type Random, shuffle } from '../stats/random.js';
import { groupQuestions } from './groups.js';

export type Split = 'train' | 'test';

export interface SplitQuestion extends Question {
  split: Split;
  /** Questions of one group (the same wording, or a fact and its inverse) are always in the same split. */
  group: string;
}

/**
 * Puts half of the questions of each relation into the test split, once and for all, and sets the order in which
 * they are asked: shuffled by `seed`, relations taking turns. Groups stay together, so that nothing is learned from a
 * question and tested on its twin. Questions that come with a split keep it, and their group follows them; where a group comes with
 * both, its test questions are left out: the result is shorter than `questions` by their number.
 */
export function splitQuestions(questions: Question[], seed: number): SplitQuestion[] {
  const groups = groupQuestions(questions);
  const splits = assignSplits(questions, groups, seed);
  const all = questions
    .map((question, i) => ({ ...question, split: splits[i], group: groups[i] }))
    .filter(({ split }, i) => split === (questions[i].split ?? split));
  return interleave(all, seed);
}

/** The split of each question; `train` also for a preset test question whose group is trained on. */
function assignSplits(questions: Question[], groups: string[], seed: number): Split[] {
  const members = new Map<string, number[]>();
  groups.forEach((group, i) => {
    const list = members.get(group);
    if (list) list.push(i);
    else members.set(group, [i]);
  });
  // Train minus test questions of each relation so far: a group goes where it evens this out best.
  const balance = new Map<string, number>();
  const splits: Split[] = new Array(questions.length);
  const random = derive(seed, 'split');
  for (const list of shuffle(random, [...members.values()])) {
    let lean = 0;
    for (const i of list) lean += balance.get(questions[i].relation) ?? 0;
    const split = presetSplit(list, questions) ?? drawSplit(random, lean);
    for (const i of list) {
      splits[i] = split;
      const { relation } = questions[i];
      balance.set(relation, (balance.get(relation) ?? 0) + (split === 'train' ? 1 : -1));
    }
  }
  return splits;
}

function presetSplit(list: number[], questions: Question[]): Split | undefined {
  const presets = list.map((i) => questions[i].split);
  return presets.find((split) => split === 'train') ?? presets.find((split) => split === 'test');
}

function drawSplit(random: Random, lean: number): Split {
  return lean > 0 || (lean === 0 && int(random, 2) === 0) ? 'test' : 'train';
}

function interleave(questions: SplitQuestion[], seed: number): SplitQuestion[] {
  // Both splits take turns too: they fill up at the same pace.
  return takeTurns(questions, ({ relation, split }) => `${relation}\n${split}`, seed);
}

/** Puts items in an order that `seed` decides: shuffled within each kind, the kinds taking turns. */
export function takeTurns<T>(items: readonly T[], kindOf: (item: T) => string, seed: number): T[] {
  const queues = new Map<string, T[]>();
  for (const item of items) {
    const kind = kindOf(item);
    const queue = queues.get(kind);
    if (queue) queue.push(item);
    else queues.set(kind, [item]);
  }
  const kinds = [...queues.keys()].sort();
  for (const kind of kinds) shuffle(derive(seed, 'order', kind), queues.get(kind)!);
  const order: T[] = [];
  for (let turn = 0; order.length < items.length; turn++) {
    for (const kind of kinds) {
      const queue = queues.get(kind)!;
      if (turn < queue.length) order.push(queue[turn]);
    }
  }
  return order;
}
