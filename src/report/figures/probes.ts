import { formatRange, formatShare } from '../format.js';
import type { Markup } from '../markup.js';
import type { Report } from '../schema.js';
import { COLOUR } from './figure.js';
import { type IntervalRow, intervalRows } from './interval-rows.js';

/** The probe on the question alone, and the comparison within one question: all on the scale where .50 is guessing. */
export function probeDots({ question, pairs, test }: Report): Markup {
  const rows: IntervalRow[] = [];
  if (question && !('missing' in question)) {
    rows.push(
      { name: 'detector', colour: COLOUR.hallucinated, ...test.auroc },
      { name: 'probe on answers', colour: COLOUR.hallucinated, ...question.answer.auroc },
      { name: 'probe on questions', colour: COLOUR.ink, ...question.question.auroc },
    );
  }
  if (pairs && !('missing' in pairs)) {
    rows.push(
      { name: 'pairs: detector', colour: COLOUR.hallucinated, ...pairs.detector },
      { name: 'pairs: answers only', colour: COLOUR.hallucinated, ...pairs.answersOnly },
      { name: 'pairs: log-prob.', colour: COLOUR.ink, ...pairs.logProbability },
    );
  }
  const parts = [
    question && !('missing' in question)
      ? 'Above: AUROC of the detector, of the same probe trained on answer tokens alone, and trained on the tokens of the ' +
        'question alone, which the model reads before it answers. What the last one reaches has nothing to do with the answer. '
      : '',
    pairs && !('missing' in pairs)
      ? `${question && !('missing' in question) ? 'Below' : 'Shown'}: ${pairs.pairs} test questions that the model answers now rightly, now wrongly: how often ` +
        'the wrong answer gets the higher score. There the question is the same, so only the answer can tell.'
      : '',
  ];
  return intervalRows(
    {
      id: 'probes',
      title: 'Question and answer',
      caption: `${parts.join('')} Lines are 95 % intervals.`,
      alt:
        rows.map((row) => `${row.name} ${formatShare(row.estimate)} (${formatRange(row)})`).join(', ') ||
        'Not tested.',
      keys: [
        ['dot hallucinated', 'sees the answer’s neurons'],
        ['dot ink', 'does not'],
        ['dash', 'guessing'],
      ],
    },
    rows,
    { reference: 0.5, label: 'AUROC, or share of pairs' },
  );
}
