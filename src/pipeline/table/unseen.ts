import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Question } from '../../questions/types.js';
import { groupQuestions } from '../groups.js';
import { readRecords } from '../records.js';

/** What the leak check needs of a question of a run. */
const SplitSchema = z.object({
  id: z.string(),
  question: z.string(),
  aliases: z.array(z.string()),
  relation: z.string(),
  split: z.enum(['train', 'test']),
});

/**
 * The training questions of a run, from its `questions.jsonl`; undefined where there is no such file.
 * @throws UserError for a file that is not one.
 */
export async function readTrainingQuestions(path: string): Promise<Question[] | undefined> {
  if (!existsSync(path)) return undefined;
  const questions = await readRecords(
    path,
    SplitSchema,
    'not a question of a run, so what the detector was trained on is not known',
  );
  return questions.filter(({ split }) => split === 'train');
}

/** A question that may be asked; those of one group are about the same fact. */
export type GroupedQuestion = Question & { group: string };

/**
 * Leaves out every question whose group (the same wording, or a fact and its inverse) holds a training question of the
 * detector: on those it would be tested on what it was made of. Ids of different sets mean nothing to each other.
 */
export function leaveOutTrained(
  questions: readonly Question[],
  training: readonly Question[],
): { kept: GroupedQuestion[]; trained: number } {
  const apart = (list: readonly Question[], set: string) =>
    list.map((question) => ({ ...question, id: `${set}:${question.id}` }));
  const groups = groupQuestions([...apart(training, 'training'), ...apart(questions, 'asked')]);
  const known = new Set(groups.slice(0, training.length));
  const kept = questions.flatMap((question, i): GroupedQuestion[] => {
    const group = groups[training.length + i];
    return known.has(group) ? [] : [{ ...question, group }];
  });
  return { kept, trained: questions.length - kept.length };
}
