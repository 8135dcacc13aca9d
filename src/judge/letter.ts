import type { Span } from './span.js';

/** Where the letter of an option stands in what a model says. `X` stands for the letter. */
const PLACES = [
  // "B", "(B)", "**B**", "B. Paris", "B: Paris", "B) Paris"; but not "A dog", which is no choice of A.
  /^[\s"'“‘*_([]*(?<letter>[A-Z])(?![\p{L}\p{N}'’])(?!\s+\p{Ll})/u,
  // "The answer is B", "Answer: (B)", "the correct option is **B**"
  /\b(?:[Aa]nswer|[Oo]ption|[Cc]hoice)(?:\s+(?:is|was|would be))?[\s:]+(?:[Oo]ption\s+)?["'“‘*_([]*(?<letter>[A-Z])(?![\p{L}\p{N}'’])(?!\s+\p{Ll})/u,
  /[([](?<letter>[A-Z])[)\]]/u,
];

/**
 * The letter that a model chooses among `options` of them, read from its words, with the place where it stands.
 * @returns `undefined` when no place holds a letter, or it is that of no option
 */
export function readLetter(text: string, options: number): (Span & { letter: string }) | undefined {
  for (const place of PLACES) {
    const match = place.exec(text);
    if (!match) continue;
    const letter = match.groups!.letter;
    if (letter.charCodeAt(0) - 65 >= options) return undefined;
    const start = match.index + match[0].lastIndexOf(letter);
    return { letter, start, end: start + 1 };
  }
  return undefined;
}
