import { aurocOfRanks, midranks } from './metrics.js';
import { type Random, shuffle } from './random.js';

/**
 * One-sided permutation p-value: how often shuffled labels reach the statistic of the true ones. Labels change places
 * only within their stratum (relation), so that a statistic which feeds on the topic alone gets no credit.
 * (reached + 1) / (permutations + 1), never 0 (Phipson & Smyth 2010).
 *
 * @param statistic figure of the samples under a labelling; called `permutations + 1` times
 */
export function permutationPValue(
  statistic: (labels: Uint8Array) => number,
  labels: Uint8Array,
  random: Random,
  strata: ArrayLike<number> = new Uint8Array(labels.length),
  permutations = 2000,
): number {
  const members = new Map<number, number[]>();
  for (let sample = 0; sample < labels.length; sample++) {
    const list = members.get(strata[sample]) ?? [];
    list.push(sample);
    members.set(strata[sample], list);
  }
  const places = [...members.values()].map((list) => Uint32Array.from(list));
  const pools = places.map((list) => Uint8Array.from(list, (sample) => labels[sample]));
  // Sums in another order may differ in the last bits: a tie must count as reached.
  const observed = statistic(labels) - 1e-12;
  const shuffled = new Uint8Array(labels.length);
  let reached = 0;
  for (let permutation = 0; permutation < permutations; permutation++) {
    for (let stratum = 0; stratum < places.length; stratum++) {
      const pool = shuffle(random, pools[stratum]);
      for (let i = 0; i < pool.length; i++) shuffled[places[stratum][i]] = pool[i];
    }
    if (statistic(shuffled) >= observed) reached++;
  }
  return (reached + 1) / (permutations + 1);
}

/** Permutation p-value of an AUROC; see `permutationPValue`. */
export function aurocPValue(
  scores: ArrayLike<number>,
  labels: Uint8Array,
  random: Random,
  strata?: ArrayLike<number>,
  permutations?: number,
): number {
  const ranks = midranks(scores);
  return permutationPValue(
    (labelling) => aurocOfRanks(ranks, labelling),
    labels,
    random,
    strata,
    permutations,
  );
}
