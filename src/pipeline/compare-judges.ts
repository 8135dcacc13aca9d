import { formatFixed } from '../report/format.js';
import type { Interval } from '../stats/interval.js';
import { type Confusion, confusion, kappaInterval } from '../stats/kappa.js';
import { derive } from '../stats/random.js';
import { wilsonInterval } from '../stats/wilson.js';
import type { Judged } from './judge-items.js';

export const VERDICTS = ['correct', 'wrong', 'uncertain'] as const;

/** Two judges over the same responses. */
export interface JudgeComparison {
  judges: [string, string];
  /** Responses that both judged. */
  items: number;
  questions: number;
  /** Left out: judged by one alone, or without a usable answer of one. */
  leftOut: { onlyFirst: number; onlySecond: number; failedFirst: number; failedSecond: number };
  /** Share of equal verdicts, Wilson's interval. */
  agreement: Interval;
  /** Cohen's kappa of the three verdicts; bootstrap over questions. */
  kappa: Interval;
  /** Both figures again for correct against wrong or uncertain. */
  agreementCorrect: Interval;
  kappaCorrect: Interval;
  /** `table[i][j]`: verdict i of {@link VERDICTS} by the first judge, j by the second. */
  table: Confusion;
  disagreements: {
    id: string;
    index: number;
    question: string;
    response: string;
    first: string;
    second: string;
    raw?: [string | undefined, string | undefined];
  }[];
}

/**
 * Sets two judges' verdicts on the same responses (the same id and index) side by side. Intervals are NaN when no response was
 * judged by both, kappa also when both gave one and the same verdict throughout.
 */
export function compareJudges(
  first: Judged[],
  second: Judged[],
  names: [string, string],
  seed: number,
): JudgeComparison {
  const key = ({ id, index }: Judged) => JSON.stringify([id, index]);
  const others = new Map(second.map((judged) => [key(judged), judged]));
  const leftOut = { onlyFirst: 0, onlySecond: 0, failedFirst: 0, failedSecond: 0 };
  const questions = new Map<string, number>();
  const a: number[] = [];
  const b: number[] = [];
  const groups: number[] = [];
  const disagreements: JudgeComparison['disagreements'] = [];
  for (const one of first) {
    const other = others.get(key(one));
    if (!other) {
      leftOut.onlyFirst++;
      continue;
    }
    others.delete(key(one));
    if (one.verdict === 'failed') leftOut.failedFirst++;
    if (other.verdict === 'failed') leftOut.failedSecond++;
    if (one.verdict === 'failed' || other.verdict === 'failed') continue;
    if (!questions.has(one.id)) questions.set(one.id, questions.size);
    a.push(VERDICTS.indexOf(one.verdict));
    b.push(VERDICTS.indexOf(other.verdict));
    groups.push(questions.get(one.id)!);
    if (one.verdict === other.verdict) continue;
    const { id, index, question, response } = one;
    const said = one.raw !== undefined || other.raw !== undefined;
    disagreements.push({
      ...{ id, index, question, response, first: one.verdict, second: other.verdict },
      ...(said ? { raw: [one.raw, other.raw] as [string | undefined, string | undefined] } : {}),
    });
  }
  leftOut.onlySecond = others.size;
  const correct = (list: number[]) => list.map((verdict) => (verdict === 0 ? 0 : 1));
  const kappa = (x: number[], y: number[], categories: number): Interval =>
    x.length === 0
      ? { estimate: Number.NaN, low: Number.NaN, high: Number.NaN }
      : kappaInterval(x, y, categories, groups, derive(seed, 'kappa', categories));
  return {
    judges: names,
    items: a.length,
    questions: questions.size,
    leftOut,
    agreement: wilsonInterval(a.length - disagreements.length, a.length),
    kappa: kappa(a, b, VERDICTS.length),
    agreementCorrect: wilsonInterval(
      a.filter((verdict, i) => (verdict === 0) === (b[i] === 0)).length,
      a.length,
    ),
    kappaCorrect: kappa(correct(a), correct(b), 2),
    table: confusion(a, b, VERDICTS.length),
    disagreements,
  };
}

/** A comparison as Markdown, with up to `examples` disagreements of each kind. */
export function comparisonMarkdown(comparison: JudgeComparison, examples: number): string {
  const { judges, items, questions, leftOut, table, disagreements } = comparison;
  const [one, two] = judges;
  const lines = [
    `${items} responses to ${questions} questions, judged by ${one} and by ${two}.`,
    '',
    '| figure | value | 95 % interval |',
    '|---|---|---|',
    row('equal verdicts', comparison.agreement, percent),
    row("Cohen's kappa", comparison.kappa, decimals),
    row('equal verdicts, correct or not', comparison.agreementCorrect, percent),
    row("Cohen's kappa, correct or not", comparison.kappaCorrect, decimals),
    '',
    `| ${one} \\ ${two} | ${VERDICTS.join(' | ')} |`,
    `|---|${VERDICTS.map(() => '---|').join('')}`,
    ...VERDICTS.map((verdict, i) => `| ${verdict} | ${table[i].join(' | ')} |`),
  ];
  const out = [
    [leftOut.onlyFirst, `judged by ${one} alone`],
    [leftOut.onlySecond, `judged by ${two} alone`],
    [leftOut.failedFirst, `no usable answer of ${one}`],
    [leftOut.failedSecond, `no usable answer of ${two}`],
  ] as const;
  if (out.some(([count]) => count > 0)) {
    lines.push(
      '',
      'Left out:',
      ...out.filter(([count]) => count > 0).map(([count, why]) => `- ${count}: ${why}`),
    );
  }
  for (const first of VERDICTS) {
    for (const second of VERDICTS) {
      const kind = disagreements.filter((item) => item.first === first && item.second === second);
      if (kind.length === 0) continue;
      lines.push('', `${one} ${first}, ${two} ${second}: ${kind.length}`);
      for (const { id, index, question, response } of kind.slice(0, examples)) {
        lines.push(`- ${id}, response ${index}: ${JSON.stringify(response)} to ${question}`);
      }
      if (kind.length > examples) lines.push(`- and ${kind.length - examples} more (--json lists all)`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function row(name: string, { estimate, low, high }: Interval, show: (value: number) => string): string {
  return `| ${name} | ${show(estimate)} | ${show(low)} to ${show(high)} |`;
}

const percent = (share: number) => (Number.isNaN(share) ? 'undefined' : `${formatFixed(100 * share, 2)} %`);
const decimals = (value: number) => (Number.isNaN(value) ? 'undefined' : formatFixed(value, 3));
