/** A row of the paper's table 1 (arXiv 2512.01797, Gao et al.): accuracy in per cent, random neurons beside it. */
export interface PaperRow {
  model: string;
  /** H-Neurons, permille of all neurons. */
  permille: number;
  /** By name of the data set. */
  cells: Record<string, { accuracy: number; random: number }>;
}

interface PaperModel extends PaperRow {
  /** What must be in the model's name once everything but letters and digits has become a hyphen. */
  name: RegExp;
  layers: number;
  ffn: number;
}

const cells = (...pairs: [accuracy: number, random: number][]): PaperRow['cells'] =>
  Object.fromEntries(
    ['triviaqa', 'nq-open', 'bioasq', 'nonexist'].map((name, i) => [
      name,
      { accuracy: pairs[i][0], random: pairs[i][1] },
    ]),
  );

const MODELS: PaperModel[] = [
  {
    model: 'Mistral-7B-v0.3',
    name: /(^|-)mistral-7b(-.*)?-v0-3(-|$)/,
    layers: 32,
    ffn: 14336,
    permille: 0.35,
    cells: cells([78.4, 61.7], [71.5, 56.1], [75.5, 59.4], [91.1, 80.9]),
  },
  {
    model: 'Mistral-Small-3.1-24B',
    name: /(^|-)mistral-small-3-1-24b(-|$)/,
    layers: 40,
    ffn: 32768,
    permille: 0.01,
    cells: cells([81.0, 61.1], [71.3, 56.8], [69.5, 52.8], [86.6, 57.4]),
  },
  {
    model: 'Gemma-3-4B',
    name: /(^|-)gemma-3-4b(-|$)/,
    layers: 34,
    ffn: 10240,
    permille: 0.1,
    cells: cells([76.9, 62.0], [70.7, 59.7], [71.0, 56.0], [71.9, 56.9]),
  },
  {
    model: 'Gemma-3-27B',
    name: /(^|-)gemma-3-27b(-|$)/,
    layers: 62,
    ffn: 21504,
    permille: 0.18,
    cells: cells([83.6, 65.2], [68.6, 58.5], [72.0, 61.8], [95.9, 58.2]),
  },
  {
    model: 'Llama-3.1-8B',
    name: /(^|-)llama-3-1-8b(-|$)/,
    layers: 32,
    ffn: 14336,
    permille: 0.02,
    cells: cells([70.1, 56.1], [63.3, 53.0], [66.0, 52.9], [43.1, 50.6]),
  },
  {
    model: 'Llama-3.3-70B',
    name: /(^|-)llama-3-3-70b(-|$)/,
    layers: 80,
    ffn: 28672,
    permille: 0.01,
    cells: cells([82.7, 68.4], [67.2, 58.9], [74.3, 66.9], [96.7, 69.6]),
  },
];

/** The paper measured the instruction-tuned models; a base model of the same shape is another one. */
const INSTRUCT = /(^|-)(it|instruct)(-|$)/;

/**
 * The paper's row for a model that is one of its six: one of the names (alias, file, `general.name` of the header) is that of the
 * instruction-tuned model, in any spelling, and it has the layers and neurons of that model. Undefined for any other.
 */
export function paperRow(model: {
  names: readonly string[];
  layers: number;
  ffn: number;
}): PaperRow | undefined {
  const names = model.names.map(hyphenated);
  const found = MODELS.find(
    ({ name, layers, ffn }) =>
      layers === model.layers &&
      ffn === model.ffn &&
      names.some((each) => name.test(each) && INSTRUCT.test(each)),
  );
  return found && { model: found.model, permille: found.permille, cells: found.cells };
}

/** `Meta Llama 3.1 8B Instruct` and `Llama3.1-8B_Instruct.Q4_K_M.gguf` become alike: `…llama-3-1-8b-instruct…`. */
function hyphenated(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/(llama|gemma|mistral-small)(?=\d)/g, '$1-');
}
