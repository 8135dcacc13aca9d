import { stringify } from 'csv-stringify/sync';
import type { Table, TableControl, TableRow } from './schema.js';

type Cell = string | number | null;

/** The rows as CSV (RFC 4180, UTF-8): one line a row, figures in full precision, empty cells where there are none. */
export function renderCsv(table: Pick<Table, 'rows' | 'model' | 'detector'>): string {
  const records = table.rows.map((row) => ({
    model: table.model.name,
    h_neurons: table.detector.hNeurons,
    ...cellsOf(row),
  }));
  return stringify(records, { header: true, columns: Object.keys(records[0] ?? {}) });
}

function cellsOf({ counts, figures, paper, ...row }: TableRow): Record<string, Cell> {
  return {
    row: row.name,
    dataset: row.dataset,
    source: row.source,
    faithful: row.faithful,
    hallucinated: row.hallucinated,
    relations: row.relations,
    ...interval('accuracy', figures?.accuracy),
    ...interval('auroc', figures?.auroc),
    ...interval('auprc', figures?.auprc),
    ece: figures?.calibration.ece ?? null,
    brier: figures?.calibration.brier ?? null,
    ...control('random', figures?.random),
    ...control('same_layers', figures?.layerMatched),
    ...interval('log_probability_auroc', figures?.logProbability.auroc),
    ...interval('log_probability_auprc', figures?.logProbability.auprc),
    ...interval('minus_log_probability_auroc', figures?.logProbability.difference),
    paper_accuracy: paper?.accuracy ?? null,
    paper_random: paper?.random ?? null,
    questions: counts.total,
    left_out_trained: counts.trained,
    asked: counts.asked,
    correct: counts.correct,
    wrong: counts.wrong,
    invented: counts.invented,
    refused: counts.refused,
    uncertain: counts.uncertain,
    judge_failed: counts.failed,
    unreadable: counts.unreadable,
    note: row.note,
  };
}

function interval(
  name: string,
  value: { estimate: number; low: number; high: number } | undefined,
): Record<string, Cell> {
  return {
    [name]: value?.estimate ?? null,
    [`${name}_low`]: value?.low ?? null,
    [`${name}_high`]: value?.high ?? null,
  };
}

function control(name: string, value: TableControl | null | undefined): Record<string, Cell> {
  return {
    [`${name}_sets`]: value?.runs.length ?? null,
    ...range(`${name}_accuracy`, value?.accuracy),
    ...range(`${name}_auroc`, value?.auroc),
    ...interval(`minus_${name}_accuracy`, value?.difference.accuracy),
    ...interval(`minus_${name}_auroc`, value?.difference.auroc),
  };
}

function range(
  name: string,
  value: { mean: number; low: number; high: number } | undefined,
): Record<string, Cell> {
  return {
    [`${name}_mean`]: value?.mean ?? null,
    [`${name}_lowest`]: value?.low ?? null,
    [`${name}_highest`]: value?.high ?? null,
  };
}
