import { paperRow } from '../table/paper.js';

/** What the paper found about the origin of the neurons of one of its models (arXiv 2512.01797, section on origin). */
export interface PaperOrigin {
  model: string;
  /** Mean inertia rank of the H-Neurons; 1 changed least. */
  meanRank: number;
  /** AUROC of the instruct model's detector on the base model, by data set. */
  auroc: Record<string, number>;
}

const auroc = (triviaqa: number, nq: number, bioasq: number) => ({ triviaqa, 'nq-open': nq, bioasq });

const PUBLISHED: readonly PaperOrigin[] = [
  { model: 'Mistral-7B-v0.3', meanRank: 0.483, auroc: auroc(0.87, 0.78, 0.75) },
  { model: 'Mistral-Small-3.1-24B', meanRank: 0.971, auroc: auroc(0.86, 0.73, 0.7) },
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: a published rank that happens to look like 1/sqrt(2)
  { model: 'Gemma-3-4B', meanRank: 0.707, auroc: auroc(0.73, 0.68, 0.65) },
  { model: 'Gemma-3-27B', meanRank: 0.664, auroc: auroc(0.82, 0.72, 0.7) },
  { model: 'Llama-3.1-8B', meanRank: 0.584, auroc: auroc(0.7, 0.65, 0.62) },
  { model: 'Llama-3.3-70B', meanRank: 0.588, auroc: auroc(0.8, 0.68, 0.72) },
];

/** The published values of an instruct model, matched as for the table of data sets; undefined for any other. */
export function paperOrigin(model: {
  names: readonly string[];
  layers: number;
  ffn: number;
}): PaperOrigin | undefined {
  const row = paperRow(model);
  return row && PUBLISHED.find(({ model: name }) => name === row.model);
}
