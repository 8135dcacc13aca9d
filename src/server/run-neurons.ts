import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { halfToFloat } from '../formats/float16.js';
import { ROW_BYTES } from '../learn/matrix.js';
import { CaseSchema } from '../pipeline/cases.js';
import { openRows } from '../pipeline/feature-file.js';
import { readRecords } from '../pipeline/records.js';
import type { ServedDetector } from './types.js';

/** A question of the run, and how strongly its answer drives a neuron. */
export interface NeuronExample {
  question: string;
  answer: string;
  label: 'faithful' | 'hallucinated';
  /** Mean over the answer tokens. */
  cett: number;
}

/** What the run beside a detector knows of its neurons. */
export interface RunNeurons {
  /** The answers that drive a neuron of the detector most and least; null without the files of a run. */
  examples(place: number): Promise<{ most: NeuronExample[]; least: NeuronExample[] } | null>;
  /** What `hneurons explain` found out about it, and the deviations that chance gives (`lens.chance`); null without its file. */
  card(neuron: { layer: number; index: number }): Promise<{ card: unknown; chance: number | null }>;
}

const SHOWN = 8;
/** All that is shown of a case: also those of older runs have it. */
const ShownCase = CaseSchema.pick({ question: true, answer: true, class: true });
const CardsSchema = z.object({
  cards: z.array(z.looseObject({ layer: z.int(), index: z.int() })),
  lens: z.object({ chance: z.number() }).optional(),
});

export function createRunNeurons({ detector, path }: ServedDetector): RunNeurons {
  const folder = dirname(path);
  const casesPath = join(folder, 'cases.jsonl');
  const featuresPath = join(folder, 'features.safetensors');
  const { layers, ffn } = detector.model;
  const found = new Map<number, Awaited<ReturnType<RunNeurons['examples']>>>();

  const read = async (place: number) => {
    if (!existsSync(casesPath) || !existsSync(featuresPath)) return null;
    const cases = await readRecords(casesPath, ShownCase, 'not a case');
    const { answer } = await openRows(featuresPath, cases.length, { answer: layers * ffn });
    const { layer, index } = detector.neurons[place];
    const cett = await readColumn(featuresPath, answer.offsets, layer * ffn + index, answer.dtype ?? 'F32');
    const order = Array.from(cett.keys()).sort((a, b) => cett[b] - cett[a]);
    const shown = (rows: number[]) =>
      rows.map((row): NeuronExample => {
        const { question, answer, class: label } = cases[row];
        return { question, answer, label, cett: cett[row] };
      });
    return { most: shown(order.slice(0, SHOWN)), least: shown(order.slice(-SHOWN).reverse()) };
  };
  return {
    async examples(place) {
      // Files of a run that are damaged, or being written, are as good as none.
      if (!found.has(place)) found.set(place, await read(place).catch(() => null));
      return found.get(place)!;
    },
    async card({ layer, index }) {
      try {
        const text = await readFile(join(folder, 'explain.json'), 'utf8');
        const { cards, lens } = CardsSchema.parse(JSON.parse(text));
        const card = cards.find((one) => one.layer === layer && one.index === index) ?? null;
        return { card, chance: lens?.chance ?? null };
      } catch {
        return { card: null, chance: null };
      }
    },
  };
}

/** One column of a matrix whose rows begin at `offsets`. */
async function readColumn(
  path: string,
  offsets: Float64Array,
  column: number,
  dtype: keyof typeof ROW_BYTES,
): Promise<Float32Array> {
  const bytes = ROW_BYTES[dtype];
  const buffer = Buffer.alloc(bytes);
  const column32 = new Float32Array(offsets.length);
  const file = await open(path, 'r');
  try {
    for (let row = 0; row < offsets.length; row++) {
      await file.read(buffer, 0, bytes, offsets[row] + column * bytes);
      column32[row] = dtype === 'F32' ? buffer.readFloatLE(0) : halfToFloat(buffer.readUInt16LE(0));
    }
  } finally {
    await file.close();
  }
  return column32;
}
