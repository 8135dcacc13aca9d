/**
 * How far the rules of `src/judge` agree with published judgements:
 *
 *   node dist/bench/judge-agreement.js FOLDER
 *
 * FOLDER holds `triviaqa-gemma-3-4b-samples.jsonl` (lines with `aliases`, `responses` and `judged`, "true" or "false" by
 * TriviaQA's substring rule) and `answer-spans-gemma-3-27b.jsonl` (lines with `tokens`, a space written as ▁, and
 * `answer_tokens` picked by an LLM; an empty pick is left out). Prints the agreement, which must be at least .985 (whole words), 1
 * (substring) and .97 (spans), and every kind of disagreement with its count and examples. Exit status 1 when one is lower.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createJudge, type JudgeOptions } from '../src/judge/rule.js';
import { answerSpan } from '../src/judge/span.js';
import { explainDisagreement } from './judge-disagreements.js';

interface JudgedQuestion {
  question: string;
  aliases: string[];
  responses: string[];
  judged: string[];
}

interface SpanCase {
  response: string;
  tokens: string[];
  answer_tokens: string[];
}

function readLines<T>(file: string): T[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

function printKinds(kinds: Map<string, string[]>): void {
  for (const [kind, examples] of [...kinds].sort((a, b) => b[1].length - a[1].length)) {
    const distinct = [...new Set(examples)];
    console.log(`  ${kind}: ${examples.length} (${distinct.length} distinct)`);
    for (const example of distinct.slice(0, limit)) console.log(`    ${example}`);
  }
}

function printShare(title: string, equal: number, total: number, wanted: number): void {
  const share = equal / total;
  console.log(`${title}: ${equal} of ${total} agree (${share.toFixed(5)}; at least ${wanted} wanted)`);
  if (share < wanted) process.exitCode = 1;
}

function compareVerdicts(
  questions: JudgedQuestion[],
  title: string,
  options: JudgeOptions,
  wanted: number,
): void {
  let total = 0;
  const kinds = new Map<string, string[]>();
  const add = (kind: string, example: string) => kinds.set(kind, [...(kinds.get(kind) ?? []), example]);
  for (const { question, aliases, responses, judged } of questions) {
    const judge = createJudge(aliases, options);
    responses.forEach((response, i) => {
      total++;
      const verdict = judge(response);
      if ((verdict === 'correct') !== (judged[i] === 'true')) {
        add(
          `${verdict}, published ${judged[i]}: ${explainDisagreement(verdict, response, aliases)}`,
          `${JSON.stringify(response)} | ${question} | ${aliases.slice(0, 4).join(' / ')}`,
        );
      }
    });
  }
  const differ = [...kinds.values()].reduce((sum, list) => sum + list.length, 0);
  printShare(title, total - differ, total, wanted);
  printKinds(kinds);
}

/** The run of tokens that overlap the answer's characters, joined. */
function spanTokens(tokens: string[]): string[] {
  const texts = tokens.map((token) => token.replaceAll('▁', ' '));
  const span = answerSpan(texts.join(''));
  let offset = 0;
  return tokens.filter((_, i) => {
    const start = offset;
    offset += texts[i].length;
    return span !== undefined && start < span.end && offset > span.start;
  });
}

function compareSpans(cases: SpanCase[]): void {
  const given = cases.filter((item) => item.answer_tokens.length > 0);
  const kinds = new Map<string, string[]>();
  for (const { tokens, answer_tokens: expected } of given) {
    const actual = spanTokens(tokens);
    const whole = tokens.join('');
    const text = expected.join('');
    if (JSON.stringify(actual) === JSON.stringify(expected)) continue;
    const kind = !whole.includes(text)
      ? 'published pick is not one run of the response'
      : actual.join('').includes(text)
        ? 'longer than published'
        : text.includes(actual.join(''))
          ? 'shorter than published'
          : 'elsewhere';
    kinds.set(kind, [...(kinds.get(kind) ?? []), `${whole} -> ${actual.join('')} | published ${text}`]);
  }
  const differ = [...kinds.values()].reduce((sum, list) => sum + list.length, 0);
  printShare('Answer spans', given.length - differ, given.length, 0.97);
  printKinds(kinds);
}

const folder = process.argv[2];
const limit = Number(process.argv[3] ?? 12);
if (folder === undefined) {
  console.error('Usage: node dist/bench/judge-agreement.js FOLDER [EXAMPLES]');
  process.exit(2);
}
const questions = readLines<JudgedQuestion>(join(folder, 'triviaqa-gemma-3-4b-samples.jsonl'));
compareVerdicts(questions, 'Substring rule', { rule: 'substring', markers: [] }, 1);
compareVerdicts(questions, 'Whole words', {}, 0.985);
compareSpans(readLines<SpanCase>(join(folder, 'answer-spans-gemma-3-27b.jsonl')));
