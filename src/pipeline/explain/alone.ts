import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Steering } from '../../engine/types.js';
import { openJsonlWriter, readJsonl } from '../../formats/jsonl.js';
import type { Card, Explain } from '../../report/explain/schema.js';
import { pairedChange } from '../../stats/paired.js';
import { wilsonInterval } from '../../stats/wilson.js';

/** Items on which a model complies or does not, and the way to ask them. */
export interface ComplianceTest {
  name: string;
  /** Hash of all that decides an answer, besides the model. */
  identity: string;
  /** Ids of the items. */
  items: string[];
  /** Asks items, of a model with `steering` or as it is; `onItem` hears of each, in any order. */
  ask(
    items: string[],
    steering: Steering | undefined,
    onItem: (id: string, complies: boolean) => void,
  ): Promise<void>;
}

/** A line of explain/alone.jsonl. */
const LineSchema = z.object({
  /** Names the model and the test. */
  key: z.string(),
  /** Flat index of the neuron that is off; null: none is. */
  neuron: z.int().nullable(),
  id: z.string(),
  complies: z.boolean(),
});

/**
 * Compliance with each neuron alone at alpha 0, item by item beside the model as it is. Answers are appended to `path` as they
 * come, and those that are there under the same `key` are not asked for again.
 * @param neurons flat indices
 */
export async function measureAlone(options: {
  test: ComplianceTest;
  neurons: number[];
  key: string;
  path: string;
  onProgress: (done: number, total: number) => void;
}): Promise<{ benchmark: NonNullable<Explain['benchmark']>; alone: Card['alone'][] }> {
  const { test, neurons, key, path, onProgress } = options;
  const { items } = test;
  const known = await readKnown(path, key);
  const of = (neuron: number | null) => {
    if (!known.has(neuron)) known.set(neuron, new Map());
    return known.get(neuron)!;
  };
  const sets = [null, ...neurons];
  const total = sets.length * items.length;
  let done = sets.reduce<number>((sum, set) => sum + items.filter((id) => of(set).has(id)).length, 0);
  onProgress(done, total);
  const writer = openJsonlWriter(path);
  try {
    for (const neuron of sets) {
      const answers = of(neuron);
      const left = items.filter((id) => !answers.has(id));
      if (left.length === 0) continue;
      await test.ask(left, neuron === null ? undefined : { neurons: [neuron], alpha: 0 }, (id, complies) => {
        const line: z.infer<typeof LineSchema> = { key, neuron, id, complies };
        writer.append(line);
        answers.set(id, complies);
        onProgress(++done, total);
      });
    }
  } finally {
    writer.close();
  }
  const answersOf = (neuron: number | null) => items.map((id) => of(neuron).get(id)!);
  const share = (answers: boolean[]) => wilsonInterval(answers.filter(Boolean).length, answers.length);
  const plain = answersOf(null);
  return {
    benchmark: { name: test.name, items: items.length, complies: share(plain) },
    alone: neurons.map((neuron) => {
      const off = answersOf(neuron);
      return { complies: share(off), ...pairedChange(plain, off) };
    }),
  };
}

async function readKnown(path: string, key: string): Promise<Map<number | null, Map<string, boolean>>> {
  const known = new Map<number | null, Map<string, boolean>>();
  if (!existsSync(path)) return known;
  for await (const { value } of readJsonl(path, { skipBroken: true })) {
    const line = LineSchema.safeParse(value);
    if (!line.success || line.data.key !== key) continue;
    const { neuron, id, complies } = line.data;
    if (!known.has(neuron)) known.set(neuron, new Map());
    known.get(neuron)!.set(id, complies);
  }
  return known;
}
