import { normalise } from '../judge/normalise.js';
import type { Question } from '../questions/types.js';

/** Longest answer, in words, that is looked for in other questions. */
const LONGEST_NAME = 5;

/**
 * The group of each question, named by the id of its first member. Questions belong together when they share their
 * id or their wording, or when each one's preferred answer is named in the other's text: a fact and its inverse ("capital of
 * France" - Paris, "Paris is the capital of" - France).
 */
export function groupQuestions(questions: Question[]): string[] {
  const parent = questions.map((_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  };
  // The earlier one is the root, so that the name does not depend on the order in which pairs are found.
  const join = (a: number, b: number): void => {
    const [low, high] = [root(a), root(b)].sort((x, y) => x - y);
    parent[high] = low;
  };

  const texts = questions.map((question) => normalise(question.question));
  const answers = questions.map((question) => normalise(question.aliases[0] ?? ''));
  const first = new Map<string, number>();
  questions.forEach((question, i) => {
    for (const key of [`id:${question.id}`, `text:${wording(question.question)}`]) {
      const other = first.get(key);
      if (other === undefined) first.set(key, i);
      else join(other, i);
    }
  });

  const byAnswer = new Map<string, number[]>();
  answers.forEach((answer, i) => {
    if (answer === '') return;
    const list = byAnswer.get(answer);
    if (list) list.push(i);
    else byAnswer.set(answer, [i]);
  });
  const names = texts.map((text) => namesIn(text, byAnswer));
  texts.forEach((_, i) => {
    for (const name of names[i]) {
      for (const other of byAnswer.get(name) ?? []) {
        if (other === i || !names[other].has(answers[i])) continue;
        if (isNamed(questions[other], questions[i]) && isNamed(questions[i], questions[other]))
          join(i, other);
      }
    }
  });
  return questions.map((_, i) => questions[root(i)].id);
}

/** Whether a short answer (".in", "He") is really named, and not a common word that looks like it. */
function isNamed({ aliases: [answer] }: Question, { question }: Question): boolean {
  if (answer.length > 3) return true;
  return question.split(/[\s?,;:"“”()]+/u).includes(answer);
}

/** A question without what makes no difference. Symbols stay: "Which country has the flag 🇵🇪?" is about one country. */
function wording(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s?.!,;:"'“”‘’]+/gu, ' ')
    .trim();
}

/** The runs of up to {@link LONGEST_NAME} words of a text that are an answer; all runs of 100,000 texts would not fit in memory. */
function namesIn(text: string, answers: { has(name: string): boolean }): Set<string> {
  const words = text.split(' ');
  const names = new Set<string>();
  for (let from = 0; from < words.length; from++) {
    for (let to = from + 1; to <= Math.min(words.length, from + LONGEST_NAME); to++) {
      const name = words.slice(from, to).join(' ');
      if (answers.has(name)) names.add(name);
    }
  }
  return names;
}

/** Numbers for names, from 0 in the order in which they first come: equal names get equal numbers. */
export function numberGroups(groups: readonly string[]): number[] {
  const numbers = new Map<string, number>();
  return groups.map((group) => {
    if (!numbers.has(group)) numbers.set(group, numbers.size);
    return numbers.get(group)!;
  });
}
