import {
  formatCount,
  formatFixed,
  formatPercent,
  formatPercentRange,
  formatPermille,
  formatPoints,
  formatPointsRange,
  formatRange,
  formatShare,
  formatSigned,
  formatSignedRange,
  visibleText,
} from '../format.js';
import type { Table, TableControl, TableRow } from './schema.js';

type Figures = NonNullable<TableRow['figures']>;
type Interval = Figures['auroc'];

/**
 * The table as Markdown: AUROC next to random neurons and the log-probability, then accuracy, calibration and the paper's
 * figures, then what was asked, and at the end how it was made. Text from outside (names, paths) is escaped.
 */
export function renderMarkdown(table: Table): string {
  const { model, detector, paper } = table;
  const all = model.layers * model.ffn;
  return `${[
    `# ${escapeMarkdown(model.name)}: the detector on other data sets`,
    escapeMarkdown(table.summary),
    'One sample a question, as many right as made-up answers within each kind of question, only questions that the detector was not trained on. In brackets: 95 % intervals; for random neurons the range over the sets.',
    aurocTable(table),
    accuracyTable(table),
    '## What was asked',
    askedTable(table),
    '## How it was made',
    [
      `- Command: ${code(table.run.command)}`,
      `- Model: ${escapeMarkdown(`${model.name} (${model.architecture}, ${model.quantisation}, ${model.layers} layers of ${formatCount(model.ffn)} neurons)`)}, SHA-256 ${code(model.sha256)}`,
      `- Detector: ${detector.hNeurons} H-Neurons (${formatPermille(detector.hNeurons, all)}) and ${detector.neurons - detector.hNeurons} anti-associated ones, ${detector.mode}, C = ${detector.C}, prompts ${detector.promptStyle}`,
      `- Sampling: ${settingsText(table)}`,
      `- Judge: ${escapeMarkdown(table.settings.judge)}; answers located by: ${escapeMarkdown(table.settings.spans)}`,
      `- Random neurons: ${table.controls ? `${table.controls.random} sets as large as the detector, ${table.controls.layerMatched} with as many neurons in each layer` : 'none'}`,
      `- Software and machine: ${escapeMarkdown(`hneurons ${table.run.version}, llama.cpp ${table.run.library}, ${table.run.device}; ${table.run.system}`)}`,
      ...(paper
        ? [
            `- Paper: ${escapeMarkdown(paper.model)} with ${paper.permille} ‰ H-Neurons (Gao et al., arXiv 2512.01797, table 1)`,
          ]
        : []),
      ...table.notes.map((note) => `- ${escapeMarkdown(note)}`),
    ].join('\n'),
  ].join('\n\n')}\n`;
}

/** AUROC of the detector beside everything that it has to beat. */
export function aurocTable({ rows }: Pick<Table, 'rows'>): string {
  return markdownTable(
    [
      'data set',
      'right + made up',
      'AUROC, H-Neurons',
      'random neurons',
      'random, same layers',
      'H-Neurons − random',
      'H-Neurons − same layers',
      'log-probability',
      'H-Neurons − log-probability',
    ],
    rows.map((row) =>
      withFigures(row, 7, (figures) => [
        withInterval(figures.auroc),
        controlRange(figures.random, 'auroc'),
        controlRange(figures.layerMatched, 'auroc'),
        figures.random ? signed(figures.random.difference.auroc) : '–',
        figures.layerMatched ? signed(figures.layerMatched.difference.auroc) : '–',
        withInterval(figures.logProbability.auroc),
        signed(figures.logProbability.difference),
      ]),
    ),
  );
}

function accuracyTable({ rows, paper }: Table): string {
  return markdownTable(
    [
      'data set',
      'right + made up',
      'accuracy, H-Neurons',
      'random neurons',
      'random, same layers',
      'H-Neurons − random',
      'AUPRC',
      'calibration error (ECE)',
      ...(paper ? [`paper, ${paper.model} (random)`] : []),
    ],
    rows.map((row) => [
      ...withFigures(row, 6, (figures) => [
        `${formatPercent(figures.accuracy.estimate)} (${formatPercentRange(figures.accuracy)})`,
        controlRange(figures.random, 'accuracy'),
        controlRange(figures.layerMatched, 'accuracy'),
        figures.random ? signedPoints(figures.random.difference.accuracy) : '–',
        withInterval(figures.auprc),
        formatShare(figures.calibration.ece),
      ]),
      ...(paper
        ? [row.paper ? `${formatFixed(row.paper.accuracy, 1)} (${formatFixed(row.paper.random, 1)})` : '–']
        : []),
    ]),
  );
}

function askedTable({ rows }: Table): string {
  return markdownTable(
    [
      'data set',
      'from',
      'questions',
      'left out: trained on',
      'asked',
      'right',
      'wrong',
      'invented',
      'refused',
      'no answer',
      'not judged',
      'not readable',
      'kinds matched',
    ],
    rows.map(({ name, source, counts, relations }) => [
      name,
      source,
      ...[
        counts.total,
        counts.trained,
        counts.asked,
        counts.correct,
        counts.wrong,
        counts.invented,
        counts.refused,
        counts.uncertain,
        counts.failed,
        counts.unreadable,
        relations,
      ].map(formatCount),
    ]),
  );
}

/** A row whose figures, or the reason why there are none, fill `width` cells. */
function withFigures(row: TableRow, width: number, cells: (figures: Figures) => string[]): string[] {
  const head = [row.name, `${row.faithful} + ${row.hallucinated}`];
  if (row.figures) return [...head, ...cells(row.figures)];
  return [...head, row.note ?? 'no figures', ...new Array<string>(width - 1).fill('')];
}

function settingsText({ settings }: Table): string {
  const { temperature, topK, topP, minP, maxTokens, seed, quota, limit } = settings;
  return `temperature ${temperature}, top-k ${topK}, top-p ${topP}, min-p ${minP}, at most ${maxTokens} tokens, seed ${seed}; until ${quota} of each class are matched, at most ${formatCount(limit)} questions a data set`;
}

const withInterval = (interval: Interval) => `${formatShare(interval.estimate)} (${formatRange(interval)})`;

function controlRange(control: TableControl | null, figure: 'auroc' | 'accuracy'): string {
  if (!control) return '–';
  const { mean, low, high } = control[figure];
  return figure === 'auroc'
    ? `${formatShare(mean)} (${formatRange({ low, high })})`
    : `${formatPercent(mean)} (${formatPercentRange({ low, high })})`;
}

/** `+.08 (−.01 to +.17)` */
function signed(interval: Interval): string {
  return `${formatSigned(interval.estimate)} (${formatSignedRange(interval)})`;
}

/** The same for accuracies, in percentage points. */
function signedPoints(interval: Interval): string {
  return `${formatPoints(interval.estimate)} (${formatPointsRange(interval)})`;
}

/** A GitHub-flavoured table; every cell is escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** Text that stays on its line, in its cell, and is shown as it is: no markup, no HTML, no marks that steer a terminal. */
export function escapeMarkdown(text: string): string {
  return visibleText(text)
    .replace(/[\\`*_[\]<>|~#]/g, (character) => `\\${character}`)
    .replace(/&(?=[#\w]+;)/g, '\\&')
    .trim();
}

/** Text as inline code, behind as many backticks as it needs. */
function code(text: string): string {
  const shown = visibleText(text);
  const longest = Math.max(0, ...Array.from(shown.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${shown} ${fence}` : `${fence}${shown}${fence}`;
}
