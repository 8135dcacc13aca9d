type Rule = readonly [question: RegExp, statement: (parts: string[], value: string) => string];

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** The forms of the built-in questions. */
const RULES: Rule[] = [
  [/^(.*) is the capital of which [^?]*\?$/, ([x], v) => `${x} is the capital of ${v}`],
  [/^What is (.*)\?$/, ([x], v) => `${capital(x)} is ${v}`],
  [/^What are (.*) called\?$/, ([x], v) => `${capital(x)} are called ${v}`],
  [/^Which \S+ do (.*) come from\?$/, ([x], v) => `${x} come from ${v}`],
  [/^Which continent is (.*) part of\?$/, ([x], v) => `${capital(x)} is part of ${v}`],
  [/^In which (?:country|US state) is (.*)\?$/, ([x], v) => `${capital(x)} is in ${v}`],
  [/^In which year did (.*) (become .*)\?$/, ([who, what], v) => `${who} ${past(what)} in ${v}`],
  [/^Which (?:chemical element|country|language) (.*)\?$/, ([x], v) => `${capital(v)} ${x}`],
  [/^Who (.*)\?$/, ([x], v) => `${v} ${x}`],
];

const past = (text: string) => text.replace(/^become/, 'became');

/** A question and a value as a sentence that states the fact, without the full stop. */
export function statement(question: string, value: string): string {
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(question);
    if (match) return make(match.slice(1), value);
  }
  return `The answer to the question "${question}" is ${value}`;
}
