import type { Question } from '../questions/types.js';
import { derive, int, shuffle } from '../stats/random.js';
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
 * question and tested on its twin.
 */
export function splitQuestions(questions: Question[], seed: number): SplitQuestion[] {
  const groups = groupQuestions(questions);
  const splits = assignSplits(questions, groups, seed);
  const all = questions.map((question, i) => ({ ...question, split: splits[i], group: groups[i] }));
  return interleave(all, seed);
}

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
    const split: Split = lean > 0 || (lean === 0 && int(random, 2) === 0) ? 'test' : 'train';
    for (const i of list) {
      splits[i] = split;
      const { relation } = questions[i];
      balance.set(relation, (balance.get(relation) ?? 0) + (split === 'train' ? 1 : -1));
    }
  }
  return splits;
}

function interleave(questions: SplitQuestion[], seed: number): SplitQuestion[] {
  const queues = new Map<string, SplitQuestion[]>();
  for (const question of questions) {
    // Both splits take turns too: they fill up at the same pace.
    const key = `${question.relation}\n${question.split}`;
    const queue = queues.get(key);
    if (queue) queue.push(question);
    else queues.set(key, [question]);
  }
  const keys = [...queues.keys()].sort();
  for (const key of keys) shuffle(derive(seed, 'order', key), queues.get(key)!);
  const order: SplitQuestion[] = [];
  for (let turn = 0; order.length < questions.length; turn++) {
    for (const key of keys) {
      const question = queues.get(key)![turn];
      if (question) order.push(question);
    }
  }
  return order;
}
