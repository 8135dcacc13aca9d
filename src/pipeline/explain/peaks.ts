import { existsSync } from 'node:fs';
import { z } from 'zod';
import { commonPrefix } from '../../engine/text/prompt.js';
import type { Engine } from '../../engine/types.js';
import { openJsonlWriter, readJsonl } from '../../formats/jsonl.js';
import type { Case } from '../cases.js';
import { guardCallbacks } from '../context.js';
import { requireFit } from '../read-plan.js';

/** What one case does to one neuron. */
export interface Drive {
  /** Token position, within the question or the response, at which its CETT is highest; -1 where there is no such token. */
  at: number;
  /** CETT there, with the sign of the activation. */
  peak: number;
  /** Sum over the answer tokens of CETT with the sign of the activation, and of CETT. */
  signed: number;
  sum: number;
}

/** A line of explain/drives.jsonl. */
const LineSchema = z.object({
  /** Names the cases and the model that it was read with. */
  key: z.string(),
  id: z.string(),
  /** Flat indices, and for each of them position, peak, signed sum and sum. */
  neurons: z.array(z.int()),
  drives: z.array(z.tuple([z.int(), z.number(), z.number(), z.number()])),
});

/**
 * Reads how every case drives every neuron: `[cases][neurons]`. Cases are appended to `path` as they come, and those that are
 * there with these neurons, under the same `key`, are not read again.
 *
 * @param neurons flat indices
 * @throws UserError when the disk is full or the engine fails.
 */
export async function readDrives(options: {
  engine: Engine;
  neurons: number[];
  cases: Case[];
  key: string;
  path: string;
  onProgress: (done: number, total: number) => void;
}): Promise<Drive[][]> {
  const { engine, neurons, cases, key, path, onProgress } = options;
  const known = await readKnown(path, key, neurons);
  const left = cases.filter(({ id }) => !known.has(id));
  onProgress(known.size, cases.length);
  requireFit(engine.model, left);
  if (left.length > 0) {
    const writer = openJsonlWriter(path);
    const { guard, rethrow } = guardCallbacks();
    let cursor = 0;
    try {
      await engine.read({
        prefix: commonPrefix(left.map(({ token_ids }) => token_ids)),
        neurons,
        signed: true,
        next: guard(() => {
          if (cursor >= left.length) return undefined;
          const { token_ids } = left[cursor];
          return { id: String(cursor++), tokens: token_ids, masks: [] };
        }, undefined),
        onResult: guard(({ id, raw }) => {
          const one = left[Number(id)];
          const drives = drivesOf(one, raw!, neurons.length);
          const line: z.infer<typeof LineSchema> = {
            key,
            id: one.id,
            neurons,
            drives: drives.map(({ at, peak, signed, sum }) => [at, peak, signed, sum]),
          };
          writer.append(line);
          known.set(one.id, drives);
          onProgress(known.size, cases.length);
        }, undefined),
      });
      rethrow();
    } catch (error) {
      rethrow();
      throw error;
    } finally {
      writer.close();
    }
  }
  return cases.map(({ id }) => known.get(id)!);
}

/** @param raw CETT with signs, `[tokens, neurons]` */
function drivesOf(one: Case, raw: Float32Array, neurons: number): Drive[] {
  const tokens = [...range(one.question_start ?? 0, one.question_end ?? 0), ...responseTokens(one)];
  return Array.from({ length: neurons }, (_, n) => {
    const drive: Drive = { at: -1, peak: 0, signed: 0, sum: 0 };
    for (const at of tokens) {
      const value = raw[at * neurons + n];
      if (drive.at >= 0 && Math.abs(value) <= Math.abs(drive.peak)) continue;
      drive.at = at;
      drive.peak = value;
    }
    for (let at = one.answer_start; at < one.answer_end; at++) {
      drive.signed += raw[at * neurons + n];
      drive.sum += Math.abs(raw[at * neurons + n]);
    }
    const { at, peak, signed, sum } = drive;
    return { at, peak: short(peak), signed: short(signed), sum: short(sum) };
  });
}

const responseTokens = (one: Case) => range(one.response_start, one.token_ids.length);

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** As many digits as float32 has: what is read again is what was written. */
const short = (value: number) => Number(value.toPrecision(7));

async function readKnown(path: string, key: string, neurons: number[]): Promise<Map<string, Drive[]>> {
  const known = new Map<string, Drive[]>();
  if (!existsSync(path)) return known;
  for await (const { value } of readJsonl(path, { skipBroken: true })) {
    const line = LineSchema.safeParse(value);
    if (!line.success || line.data.key !== key) continue;
    const places = new Map(line.data.neurons.map((neuron, i) => [neuron, i]));
    const drives = neurons.flatMap((neuron) => {
      const [at, peak, signed, sum] = line.data.drives[places.get(neuron) ?? -1] ?? [];
      return at === undefined ? [] : [{ at, peak, signed, sum }];
    });
    if (drives.length === neurons.length) known.set(line.data.id, drives);
  }
  return known;
}
