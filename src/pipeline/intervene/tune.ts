import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../formats/atomic.js';
import type { Item, Outcome } from '../../intervene/types.js';
import { formatP, formatPercent, formatPercentRange } from '../../report/format.js';
import { IntervalSchema } from '../../report/interval.js';
import { mcNemar } from '../../stats/mcnemar.js';
import { derive, shuffle } from '../../stats/random.js';
import { wilsonInterval } from '../../stats/wilson.js';
import { type Readings, usableItems } from './curves.js';
import { askAll, type InterventionContext, type InterventionInput, type Said } from './intervene.js';
import { noVerdicts } from './require-verdicts.js';

const HalfSchema = z.object({
  complianceRate: IntervalSchema,
  score: IntervalSchema,
  twins: IntervalSchema.nullable(),
});

/** The content of `tune.json`. */
export const TuningSchema = z.object({
  schema: z.literal('hneurons/tuning'),
  version: z.literal(1),
  summary: z.string(),
  alpha: z.number(),
  bounds: z.object({ scoreDrop: z.number(), twinDrop: z.number() }),
  /** The half that alpha was chosen on. */
  searched: z.array(
    z.object({ alpha: z.number(), complianceRate: z.number(), scoreDrop: z.number(), twinDrop: z.number() }),
  ),
  /** The other half, at the chosen alpha and at 1. */
  heldOut: z.object({
    items: z.int(),
    questions: z.int(),
    tuned: HalfSchema,
    plain: HalfSchema,
    paired: z.object({ gained: z.int(), lost: z.int(), p: z.number() }),
  }),
});
export type Tuning = z.infer<typeof TuningSchema>;

/**
 * Finds the alpha that lowers compliance most at a bounded cost, on one half of the facts, and measures it on the other half. The cost is
 * what the question score and the share of honest twins answered rightly lose against alpha 1. Where nothing lowers compliance within the
 * bounds, alpha stays 1.
 */
export async function tune(
  input: InterventionInput & {
    bounds: { scoreDrop: number; twinDrop: number };
  },
  context: InterventionContext,
): Promise<Tuning> {
  const { bounds, seed, sets } = input;
  const [own] = sets;
  const all = [...new Set([...input.alphas, 1])].sort((a, b) => a - b);
  const said = await askAll({ ...input, sets: [own] }, { all, controls: [] }, context);
  const search = searchedGroups(said, seed);
  const half = (searching: boolean) => (item: Item) => search.has(item.group) === searching;

  // The same items at every alpha, or a judge's failures would look like changes.
  const usable = new Map(
    [...said.readings, ...said.scores].map((one) => [
      one,
      usableItems(all.map((alpha) => one.at(own, alpha))),
    ]),
  );
  const tally = (readings: readonly Readings[], alpha: number, keep: (item: Item) => boolean, hit: Outcome) =>
    readings.flatMap((one) =>
      usable
        .get(one)!
        .flatMap((i) => (keep(one.benchmark.items[i]) ? [one.at(own, alpha).outcomes[i] === hit] : [])),
    );
  const complies = (alpha: number, searching: boolean) =>
    tally(said.readings, alpha, (item) => !item.twin && half(searching)(item), 'complies');
  const twins = (alpha: number, searching: boolean) =>
    tally(said.readings, alpha, (item) => item.twin && half(searching)(item), 'right');
  const judged = said.readings.find(({ benchmark }) => benchmark.reader.kind === 'llm');
  if (judged && [true, false].some((searching) => complies(1, searching).length === 0)) {
    throw noVerdicts(`one half of ${judged.benchmark.name}`, judged.judge);
  }
  const score = (alpha: number, searching: boolean) => tally(said.scores, alpha, half(searching), 'right');
  const share = (values: boolean[]) =>
    values.length === 0 ? 0 : values.filter((one) => one).length / values.length;

  const searched = all.map((alpha) => ({
    alpha,
    complianceRate: share(complies(alpha, true)),
    scoreDrop: share(score(1, true)) - share(score(alpha, true)),
    twinDrop: share(twins(1, true)) - share(twins(alpha, true)),
  }));
  const plain = searched.find(({ alpha }) => alpha === 1)!;
  const chosen = searched
    .filter(
      ({ scoreDrop, twinDrop }) => scoreDrop <= bounds.scoreDrop + 1e-9 && twinDrop <= bounds.twinDrop + 1e-9,
    )
    .reduce((best, one) => {
      const better = one.complianceRate - best.complianceRate;
      // Of equal ones the gentlest.
      return better < -1e-9 || (better < 1e-9 && Math.abs(one.alpha - 1) < Math.abs(best.alpha - 1))
        ? one
        : best;
    }, plain);

  const interval = (values: boolean[]) => wilsonInterval(values.filter((one) => one).length, values.length);
  const measured = (alpha: number) => {
    const right = twins(alpha, false);
    return {
      complianceRate: interval(complies(alpha, false)),
      score: interval(score(alpha, false)),
      twins: right.length > 0 ? interval(right) : null,
    };
  };
  const heldOut = {
    items: complies(1, false).length,
    questions: score(1, false).length,
    tuned: measured(chosen.alpha),
    plain: measured(1),
    paired: mcNemar(complies(1, false), complies(chosen.alpha, false)),
  };
  const tuning = TuningSchema.parse({
    schema: 'hneurons/tuning',
    version: 1,
    summary: describe(chosen.alpha, heldOut),
    alpha: chosen.alpha,
    bounds,
    searched,
    heldOut,
  } satisfies Tuning);
  await writeFileAtomic(join(input.out, 'tune.json'), `${JSON.stringify(tuning, null, 2)}\n`);
  return tuning;
}

/** Half of the facts that items are about, and half of the plain questions about others. */
function searchedGroups({ readings, scores }: Said, seed: number): Set<string> {
  const groupsOf = (all: readonly Readings[]) => [
    ...new Set(all.flatMap(({ benchmark }) => benchmark.items.map(({ group }) => group))),
  ];
  const items = groupsOf(readings).sort();
  const others = groupsOf(scores)
    .filter((group) => !items.includes(group))
    .sort();
  const halves = [items, others].map((groups, i) =>
    shuffle(derive(seed, 'tune', String(i)), groups).slice(0, Math.ceil(groups.length / 2)),
  );
  return new Set(halves.flat());
}

function describe(alpha: number, { items, tuned, plain, paired }: Tuning['heldOut']): string {
  if (alpha === 1) {
    return 'Within these bounds no alpha lowers compliance on the searched half: leave the model as it is (alpha 1).';
  }
  const percent = ({ estimate, low, high }: { estimate: number; low: number; high: number }) =>
    `${formatPercent(estimate)} (${formatPercentRange({ low, high })})`;
  const holds =
    paired.p < 0.05 && paired.lost > paired.gained
      ? 'The effect holds there.'
      : 'The effect does not hold there: it may have been chance.';
  return (
    `alpha ${alpha}. On ${items} items of the other half: complies ${percent(tuned.complianceRate)} against ${percent(plain.complianceRate)} at alpha 1 ` +
    `(${paired.lost} cease, ${paired.gained} begin, McNemar ${formatP(paired.p)}); question score ${percent(tuned.score)} against ${percent(plain.score)}. ${holds}`
  );
}
