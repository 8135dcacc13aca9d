import { existsSync } from 'node:fs';
import { z } from 'zod';
import { commonPrefix, type PromptKind, promptStyle } from '../engine/text/prompt.js';
import { withOpeningMark } from '../engine/text/thought.js';
import type { Engine } from '../engine/types.js';
import { openJsonlWriter } from '../formats/jsonl.js';
import { readLetter } from '../judge/letter.js';
import { createJudge, type Verdict } from '../judge/rule.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { derive, shuffle } from '../stats/random.js';
import type { Case } from './cases.js';
import { choiceStyle } from './choice-prompt.js';
import { guardCallbacks } from './context.js';
import { hashText } from './fingerprint.js';
import { recordLines } from './records.js';

/** A line of suppressed.jsonl: a greedy answer of the model with some neurons switched off. */
const SuppressedAnswerSchema = z.object({
  /** Names the set of neurons; `none` for the model as it is. */
  set: z.string(),
  /** The smallest C with these H-Neurons; null for the model as it is. */
  C: z.number().nullable(),
  id: z.string(),
  text: z.string(),
  verdict: z.enum(['correct', 'wrong', 'uncertain']),
});
type SuppressedAnswer = z.infer<typeof SuppressedAnswerSchema>;

export interface SuppressedScores {
  /** How many questions were asked each time. */
  questions: number;
  /** Share of them that the model as it is answers rightly. */
  unsuppressed: number;
  /** The same with the H-Neurons of each point at alpha 0, in the order of the points. */
  scores: number[];
}

/**
 * The questions by which a C is judged: of the training half those that the model answers rightly every time (the faithful
 * cases), at most `count` of them, drawn by `seed`. About what does not exist there is nothing to know.
 */
export function scoreQuestions(cases: Case[], count: number, seed: number): Case[] {
  const known = cases.filter(
    (one) => one.split === 'train' && one.class === 'faithful' && one.kind !== 'fabricated',
  );
  return shuffle(derive(seed, 'score questions'), known).slice(0, count);
}

/**
 * The model's own question score with the H-Neurons of each C suppressed (method.md section 4): greedy answers at alpha 0 to
 * the same questions, judged by rule, as the share of right ones. Points with the same neurons are asked once; a point without any
 * has the score of the model as it is. Answers are appended to `path` as they come, and those that are there are not asked for again.
 *
 * @param points H-Neurons (flat indices) of each C
 */
export async function suppressedScores(options: {
  engine: Engine;
  questions: Pick<Case, 'id' | 'question' | 'aliases' | 'kind' | 'options'>[];
  points: { C: number; neurons: ArrayLike<number> }[];
  promptStyle: PromptKind;
  maxTokens: number;
  path: string;
  onProgress: (done: number, total: number) => void;
}): Promise<SuppressedScores> {
  const { engine, questions, points, path } = options;
  const open = promptStyle(engine.model, options.promptStyle, FEW_SHOT);
  const choice = choiceStyle(engine.model, options.promptStyle);
  const texts = await Promise.all(
    questions.map((one) => (one.kind === 'choice' ? choice.text(one) : open.text(one.question))),
  );
  const prompts = await engine.tokenize(texts, open.tokenize);
  const sets = new Map<string, { C: number | null; neurons: ArrayLike<number> }>();
  sets.set(nameOf([]), { C: null, neurons: [] });
  for (const { C, neurons } of points) {
    const name = nameOf(neurons);
    if (!sets.has(name)) sets.set(name, { C, neurons });
  }
  const judges = new Map(
    questions.map((one, i) => {
      const judge = judgeOne(one);
      return [one.id, (text: string) => judge(withOpeningMark(texts[i], text))];
    }),
  );
  const answers = await readAnswers(path, judges);
  const total = sets.size * questions.length;
  const known = () => [...sets.keys()].reduce((sum, set) => sum + (answers.get(set)?.size ?? 0), 0);
  options.onProgress(known(), total);
  const writer = openJsonlWriter(path);
  const { guard, rethrow } = guardCallbacks();
  try {
    for (const [set, { C, neurons }] of sets) {
      const done = answers.get(set) ?? new Map<string, boolean>();
      answers.set(set, done);
      const left = questions.flatMap((one, i) => (done.has(one.id) ? [] : [{ ...one, prompt: prompts[i] }]));
      if (left.length === 0) continue;
      let cursor = 0;
      await engine.sample({
        settings: {
          temperature: 0,
          topK: 0,
          topP: 1,
          minP: 0,
          maxTokens: options.maxTokens,
          seed: 0,
          stop: open.stop,
          ...(neurons.length > 0 && { steering: { neurons, alpha: 0 } }),
        },
        prefix: commonPrefix(left.map(({ prompt }) => prompt)),
        next: guard(() => {
          if (cursor >= left.length) return undefined;
          const { id, prompt } = left[cursor++];
          return { id, prompt, samples: 1 };
        }, undefined),
        onResult: guard(({ id, samples: [{ text }] }) => {
          const verdict = judges.get(id)!(text);
          const answer: SuppressedAnswer = { set, C, id, text, verdict };
          writer.append(answer);
          done.set(id, verdict === 'correct');
          options.onProgress(known(), total);
        }, undefined),
      });
      rethrow();
    }
  } catch (error) {
    rethrow();
    throw error;
  } finally {
    writer.close();
  }
  const scoreOf = (set: string) => {
    const right = answers.get(set)!;
    return questions.filter(({ id }) => right.get(id)).length / questions.length;
  };
  return {
    questions: questions.length,
    unsuppressed: scoreOf(nameOf([])),
    scores: points.map(({ neurons }) => scoreOf(nameOf(neurons))),
  };
}

/** With options, the letter that is said counts. */
function judgeOne({ kind, aliases, options }: Pick<Case, 'kind' | 'aliases' | 'options'>) {
  if (kind !== 'choice') return createJudge(aliases);
  return (text: string): Verdict => {
    const said = readLetter(text, options!.length);
    return said === undefined ? 'uncertain' : said.letter === aliases[0] ? 'correct' : 'wrong';
  };
}

function nameOf(neurons: ArrayLike<number>): string {
  if (neurons.length === 0) return 'none';
  return hashText(Array.from(neurons).join()).slice(0, 16);
}

/** Whether each question was answered rightly, by set and question: what was said is judged as if it had been said now. */
async function readAnswers(
  path: string,
  judges: ReadonlyMap<string, (text: string) => Verdict>,
): Promise<Map<string, Map<string, boolean>>> {
  const answers = new Map<string, Map<string, boolean>>();
  if (!existsSync(path)) return answers;
  const what = 'not an answer of this version of hneurons; delete the file and run train again';
  const lines = recordLines(path, SuppressedAnswerSchema, what, { ignoreTorn: true });
  for await (const { set, id, text } of lines) {
    const judge = judges.get(id);
    if (!judge) continue;
    if (!answers.has(set)) answers.set(set, new Map());
    answers.get(set)!.set(id, judge(text) === 'correct');
  }
  return answers;
}
