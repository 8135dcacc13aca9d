import pc from 'picocolors';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import {
  formatCount,
  formatP,
  formatPercent,
  formatPercentRange,
  formatPermille,
  formatRange,
  formatShare,
  shorten,
  visibleText,
} from './format.js';
import { byStrength, formatWeight, neuronName } from './neuron.js';
import type { Report } from './schema.js';
import { describeAsGood } from './selection.js';

export interface TerminalOptions {
  /** Default: no. */
  color?: boolean;
  /** Columns; default: those of the terminal, else 80. */
  width?: number;
}

/** Rows of the relation table that fit a summary; the report has all. */
const MOST_RELATIONS = 8;

/** Columns that the relation table needs beside the name of the relation. */
const ROOM_BESIDE_KIND = 34;

/** Points of the path that fit a summary. */
const MOST_PATH = 8;

/** Neurons that are named. */
const STRONGEST = 5;

const MARK = { beats: '✔', 'does-not-beat': '✘', 'too-few': '?' } as const;

/**
 * The report as a summary of about 25 lines for a terminal, ending in a newline. Control characters of untrusted text
 * are made visible, so that nothing in a model's file or in the questions can steer the terminal.
 */
export function renderTerminal(report: Report, options: TerminalOptions = {}): string {
  const colours = pc.createColors(options.color ?? false);
  const width = Math.max(40, options.width ?? process.stdout.columns ?? 80);
  const { verdict, model, test, detector, training } = report;
  const tone = { beats: colours.green, 'does-not-beat': colours.red, 'too-few': colours.yellow }[
    verdict.outcome
  ];
  const { dim, bold } = colours;
  const positives = detector.neurons.filter(({ weight }) => weight > 0).length;
  const all = model.layers * model.ffn;
  const control = test.control;
  const otherC = describeAsGood(training);

  const text = (line: string) => wrap(line, width);

  const lines = [
    text(bold(tone(`${MARK[verdict.outcome]} ${visibleText(verdict.headline)}`))),
    text(`  ${visibleText(verdict.details)}`),
    ...(verdict.beyond === undefined ? [] : [text(`  ${visibleText(verdict.beyond)}`)]),
    '',
    text(
      `  ${bold(visibleText(model.name))} ${dim(visibleText(`${model.architecture}, ${model.quantisation}`))}; ` +
        `${formatCount(test.faithful)} right and ${formatCount(test.hallucinated)} made-up answers tested`,
    ),
    '',
    ...table([
      ['', 'H-Neurons', '95 % interval', `random (${control.runs.length} sets)`].map(dim),
      [
        dim('AUROC'),
        bold(formatShare(test.auroc.estimate)),
        formatRange(test.auroc),
        `${formatShare(control.auroc.mean)}  ${dim(formatRange(control.auroc))}`,
      ],
      [
        dim('accuracy'),
        bold(formatPercent(test.accuracy.estimate)),
        formatPercentRange(test.accuracy),
        `${formatPercent(control.accuracy.mean)}  ${dim(formatPercentRange(control.accuracy))}`,
      ],
      [dim('by chance'), formatP(test.permutation.p), '', ''],
    ]),
    ...(test.baselines.length > 0 ? [text(`  ${dim('other AUROC')}  ${baselineText(report)}`)] : []),
    ...furtherLines(report, dim, text),
    '',
    text(
      `  ${bold(`${formatCount(positives)} H-Neurons`)} (${formatPermille(positives, all)} of ${formatCount(all)}) and ` +
        `${formatCount(detector.neurons.length - positives)} anti-associated; C = ${training.chosen}`,
    ),
    ...pathLines(report, dim, bold),
    ...(otherC === undefined ? [] : [text(`  ${otherC}`)]),
    text(
      `  ${byStrength(detector.neurons)
        .slice(0, STRONGEST)
        .map((neuron) => `${neuronName(neuron)} ${dim(formatWeight(neuron.weight))}`)
        .join('  ')}`,
    ),
    '',
    ...relationLines(report, dim, width),
    ...report.warnings.map((warning) => text(`${colours.yellow('!')} ${visibleText(warning)}`)),
    ...Object.entries(report.files).map(([what, path]) =>
      text(`  ${dim(visibleText(what).padEnd(12))} ${visibleText(path)}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** One line for each of the further tests that were made. */
function furtherLines(
  { question, pairs, stability, intervention }: Report,
  dim: (text: string) => string,
  text: (line: string) => string,
): string[] {
  const lines: string[] = [];
  if (question && !('missing' in question)) {
    lines.push(
      `${dim('question alone')}  AUROC ${formatShare(question.question.auroc.estimate)} (${formatRange(question.question.auroc)}), ` +
        `the same probe on the answers ${formatShare(question.answer.auroc.estimate)}`,
    );
  }
  if (pairs && !('missing' in pairs)) {
    lines.push(
      `${dim('one question')}  the wrong answer scores higher in ${formatPercent(pairs.detector.estimate)} ` +
        `(${formatPercentRange(pairs.detector)}) of ${formatCount(pairs.pairs)} pairs; trained on answers alone ` +
        `${formatPercent(pairs.answersOnly.estimate)}, log-probability ${formatPercent(pairs.logProbability.estimate)}`,
    );
  }
  if (stability) {
    const { resamples } = stability.hNeurons;
    lines.push(
      `${dim('same again')}  H-Neurons of two resamples overlap by ${formatShare(resamples.estimate)} (${formatRange(resamples)})`,
    );
  }
  for (const line of intervention?.summary ?? [])
    lines.push(`${dim('do they matter')}  ${visibleText(line)}`);
  return lines.map((line) => text(`  ${line}`));
}

/** The path of C in as many columns as it has points: what it was chosen by. */
function pathLines(
  { training }: Report,
  dim: (text: string) => string,
  bold: (text: string) => string,
): string[] {
  const { grid, chosen, score } = training;
  const row = (name: string, show: (point: (typeof grid)[number]) => string) => [
    dim(name),
    ...grid.map((point) => (point.C === chosen ? bold(show(point)) : show(point))),
  ];
  if (grid.length > MOST_PATH) return [];
  return table([
    row('C', ({ C }) => String(C)),
    row('neurons', ({ neurons }) => formatCount(neurons)),
    row('accuracy', ({ accuracy }) => formatShare(accuracy)),
    ...(score ? [row('without them', ({ suppressed }) => formatShare(suppressed ?? 0))] : []),
  ]);
}

/** Those without a look inside the model, and the best of those with one; the report has all. */
function baselineText({ test }: Report): string {
  const { baselines } = test;
  const inside = baselines.filter(({ kind }) => kind === 'neurons' || kind === 'residual');
  const best = [...inside].sort((a, b) => b.auroc.estimate - a.auroc.estimate).slice(0, 1);
  return [...baselines.filter(({ kind = 'output' }) => kind === 'output'), ...best]
    .map(({ name, auroc }) => `${visibleText(name)} ${formatShare(auroc.estimate)}`)
    .join(', ');
}

function relationLines({ test }: Report, dim: (text: string) => string, width: number): string[] {
  const size = ({ faithful, hallucinated }: { faithful: number; hallucinated: number }) =>
    faithful + hallucinated;
  const rows = [...test.relations].sort((a, b) => size(b) - size(a));
  const shown = rows.slice(0, MOST_RELATIONS);
  return [
    ...table([
      ['kind', 'n', 'AUROC', ''].map((text) => text && dim(text)),
      ...shown.map((row) => [
        shorten(visibleText(row.relation), width - ROOM_BESIDE_KIND),
        `${row.faithful} + ${row.hallucinated}`,
        row.auroc ? `${formatShare(row.auroc.estimate)}  ${dim(formatRange(row.auroc))}` : '–',
        row.small ? dim('few') : '',
      ]),
    ]),
    ...(rows.length > shown.length
      ? [`  ${dim(`and ${rows.length - shown.length} more in the report`)}`]
      : []),
    '',
  ];
}

/** Columns as wide as their widest cell, two spaces apart and indented by two. */
function table(rows: string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => stringWidth(row[column]))));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell + ' '.repeat(widths[column] - stringWidth(cell))).join('  ')}`.trimEnd(),
  );
}

/** Breaks a line at the width; what follows the break is indented like a summary line. */
function wrap(line: string, width: number): string {
  if (stringWidth(line) <= width) return line;
  const indent = line.startsWith('  ') ? '  ' : '';
  return wrapAnsi(line.slice(indent.length), width - 2, { hard: true, trim: true })
    .split('\n')
    .map((part, i) => (i === 0 ? indent + part : `  ${part}`))
    .join('\n');
}
