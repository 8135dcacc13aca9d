import stringWidth from 'string-width';
import type { Comparison, SharedNeurons, SideFigures } from '../../pipeline/compare.js';
import {
  formatCount,
  formatPercent,
  formatPercentRange,
  formatRange,
  formatShare,
  visibleText,
} from '../../report/format.js';
import { formatWeight, neuronName } from '../../report/neuron.js';

/** Shared neurons that are named. */
const MOST_SHARED = 20;

interface Table {
  title: string;
  head: string[];
  rows: string[][];
}

/** The comparison as tables for a terminal. */
export function comparisonText(comparison: Comparison): string {
  const tables = tablesOf(comparison).map(({ title, head, rows }) => {
    const all = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => stringWidth(row[column]))));
    const lines = all.map((row) =>
      `  ${row.map((cell, column) => cell + ' '.repeat(widths[column] - stringWidth(cell))).join('  ')}`.trimEnd(),
    );
    return `${title}\n${lines.join('\n')}\n`;
  });
  return `${[...tables, ...noteLines(comparison)].join('\n')}`;
}

/** The comparison as Markdown. */
export function comparisonMarkdown(comparison: Comparison): string {
  const cell = (text: string) => text.replace(/[\\|`*_<>[\]]/g, (character) => `\\${character}`);
  const line = (row: string[]) => `| ${row.map(cell).join(' | ')} |\n`;
  const tables = tablesOf(comparison).map(
    ({ title, head, rows }) =>
      `### ${title}\n\n${line(head)}|${head.map(() => '---|').join('')}\n${rows.map(line).join('')}`,
  );
  return [...tables, ...noteLines(comparison).map(cell)].join('\n');
}

function noteLines({ notes }: Comparison): string[] {
  return notes.map((note) => `${visibleText(note)}\n`);
}

function tablesOf(comparison: Comparison): Table[] {
  const { a, b, scores } = comparison;
  const tables: Table[] = [
    { title: 'Detectors', head: ['', 'A', 'B'], rows: sides(a, b) },
    {
      title: 'Shared neurons',
      head: ['', 'A', 'B', 'both', 'Jaccard', 'both by chance', 'Jaccard by chance'],
      rows: [shared('H-Neurons', comparison.hNeurons), shared('all with a weight', comparison.all)],
    },
  ];
  const { sameSign, shared: both } = comparison;
  if (sameSign !== null) {
    const strongest = [...both]
      .sort((x, y) => Math.abs(y.a) + Math.abs(y.b) - Math.abs(x.a) - Math.abs(x.b))
      .slice(0, MOST_SHARED);
    const rest = both.length - strongest.length;
    tables.push({
      title: `In both, with the same sign in ${formatPercent(sameSign)} of ${formatCount(both.length)}${rest > 0 ? `; the strongest ${MOST_SHARED}` : ''}`,
      head: ['neuron', 'weight in A', 'weight in B'],
      rows: strongest.map((neuron) => [neuronName(neuron), formatWeight(neuron.a), formatWeight(neuron.b)]),
    });
  }
  tables.push({
    title: 'Neurons by layer',
    head: ['layer', 'A', 'B', 'both'],
    rows: comparison.layers
      .filter((row) => row.a + row.b > 0)
      .map((row) => [row.layer, row.a, row.b, row.shared].map(String)),
  });
  if (scores.length > 0) {
    tables.push({
      title: 'Scores on the test answers of a run',
      head: [
        'answers of',
        'n',
        'Pearson',
        'Spearman',
        'same call',
        'AUROC of A',
        'AUROC of B',
        'other trained on',
      ],
      rows: scores.map((row) => [
        row.of.toUpperCase(),
        formatCount(row.samples),
        signed(row.pearson),
        signed(row.spearman),
        formatPercent(row.sameCall),
        formatShare(row.auroc.a),
        formatShare(row.auroc.b),
        formatCount(row.seenByOther),
      ]),
    });
  }
  return tables;
}

function sides(a: SideFigures, b: SideFigures): string[][] {
  const row = (name: string, show: (side: SideFigures) => string) => [name, show(a), show(b)];
  return [
    row('file', ({ path }) => visibleText(path)),
    row('model', ({ model, sha256 }) => `${visibleText(model)} (${sha256.slice(0, 8)})`),
    row('mode, C', ({ mode, C }) => `${mode}, ${C}`),
    row('trained on', ({ trainingSamples }) => `${formatCount(trainingSamples)} answers`),
    row('H-Neurons', ({ hNeurons }) => formatCount(hNeurons)),
    row('anti-associated', ({ hNeurons, neurons }) => formatCount(neurons - hNeurons)),
    row('AUROC', ({ auroc }) => (auroc ? `${formatShare(auroc.estimate)} (${formatRange(auroc)})` : '–')),
    row('accuracy', ({ accuracy }) =>
      accuracy ? `${formatPercent(accuracy.estimate)} (${formatPercentRange(accuracy)})` : '–',
    ),
    row('random neurons, AUROC', ({ control }) => (control === null ? '–' : formatShare(control))),
  ];
}

function shared(
  name: string,
  { a, b, shared: both, jaccard, expected, chanceJaccard }: SharedNeurons,
): string[] {
  return [
    name,
    ...[a, b, both].map(formatCount),
    formatShare(jaccard),
    Number(expected.toPrecision(2)).toString().replace(/^0\./, '.'),
    formatShare(chanceJaccard),
  ];
}

function signed(value: number): string {
  return Number.isNaN(value) ? '–' : `${value < 0 ? '−' : ''}${formatShare(Math.abs(value))}`;
}
