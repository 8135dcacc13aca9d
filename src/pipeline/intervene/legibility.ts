import { capital, formatChange } from '../../report/format.js';
import type { Intervention } from '../../report/intervention/schema.js';
import { mcNemar } from '../../stats/mcnemar.js';
import { type Cost, degenerateProse, distinctChange, likelihoodChange } from './cost.js';
import { type Readings, usableItems } from './curves.js';
import type { NeuronSet } from './neuron-sets.js';

const SIGNIFICANT = 0.05;
/** A fall of the log-likelihood that counts, nats a token: a tenth more perplexity. Compliance has to fall by a like share to be seen at all. */
const LESS_LIKELY = 0.1;
type Legibility = NonNullable<Intervention['legibility']>;

/**
 * Are these neurons simply what makes output readable? What suppressing them does to readable text, beside the same for the controls, and
 * which falls first on the way from alpha 1 to 0: compliance or readability.
 * @returns null where alpha 0 was not among the alphas
 */
export function legibility(options: {
  sets: readonly NeuronSet[];
  alphas: { all: readonly number[]; controls: readonly number[] };
  readings: readonly Readings[];
  costAt(set: NeuronSet, alpha: number): Cost;
  seed: number;
}): Legibility | null {
  const { sets, alphas, costAt, seed } = options;
  if (!alphas.all.includes(0)) return null;
  const [own] = sets;
  const plain = costAt(own, 1);
  const beside = alphas.controls.includes(0) ? sets : [own];
  const suppressed = beside.map((set): Legibility['suppressed'][number] => {
    const cost = costAt(set, 0);
    return {
      set: set.name,
      logLikelihood: likelihoodChange(plain, cost, seed, set.name),
      distinct: distinctChange(plain, cost, seed, set.name),
      degenerate: share(degenerateProse(cost)) - share(degenerateProse(plain)),
    };
  });
  const down = alphas.all.filter((alpha) => alpha < 1).sort((x, y) => x - y);
  // Several benchmarks are several chances to find a fall (Bonferroni); several alphas are not, as they are tested one after the other.
  const level = SIGNIFICANT / options.readings.length;
  const falls = options.readings.map(({ benchmark, at }) =>
    fallsFrom(down, (alpha) => {
      const places = usableItems([at(own, 1), at(own, alpha)]).filter((i) => !benchmark.items[i].twin);
      const complies = (value: number) => places.map((i) => at(own, value).outcomes[i] === 'complies');
      const { gained, lost, p } = mcNemar(complies(1), complies(alpha));
      return p < level && lost > gained;
    }),
  );
  const complianceFallsAt = falls.reduce(
    (high, one) => (one !== null && one > (high ?? -1) ? one : high),
    null,
  );
  const likelihoodFalls = (alpha: number) => {
    const { estimate, high } = likelihoodChange(plain, costAt(own, alpha), seed, 'falls', String(alpha));
    return estimate <= -LESS_LIKELY && high < 0;
  };
  const readabilityFallsAt = fallsFrom(down, (alpha) => {
    if (likelihoodFalls(alpha)) return true;
    const { gained, lost, p } = mcNemar(degenerateProse(plain), degenerateProse(costAt(own, alpha)));
    return p < SIGNIFICANT && gained > lost;
  });
  const measure =
    readabilityFallsAt === null || likelihoodFalls(readabilityFallsAt)
      ? 'the likelihood of plain English'
      : 'the share of readable prose';
  return {
    suppressed,
    complianceFallsAt,
    readabilityFallsAt,
    verdict: verdictOf(suppressed, sets) + whatFallsFirst(complianceFallsAt, readabilityFallsAt, measure),
  };
}

/**
 * How near to 1 a fall reaches: alphas are tested from the lowest up, as long as the fall is seen at each. So no correction for their number is
 * needed (fixed sequence).
 */
function fallsFrom(rising: readonly number[], falls: (alpha: number) => boolean): number | null {
  const until = rising.findIndex((alpha) => !falls(alpha));
  return rising.slice(0, until < 0 ? rising.length : until).at(-1) ?? null;
}

const share = (values: boolean[]) => values.filter((one) => one).length / Math.max(1, values.length);

function verdictOf(suppressed: Legibility['suppressed'], sets: readonly NeuronSet[]): string {
  const [own, ...others] = suppressed;
  const change = own.logLikelihood;
  const matched = others
    .filter((_, i) => sets[i + 1].kind === 'layer-matched')
    .map(({ logLikelihood }) => logLikelihood.estimate);
  const number = (value: number) => formatChange(value, 2);
  const low = Math.min(...matched);
  const high = Math.max(...matched);
  const beside =
    matched.length > 0 ? `, against ${number(low)} to ${number(high)} with matched controls` : '';
  const first = `With the H-Neurons off, the log-likelihood of plain English changes by ${number(change.estimate)} a token (${number(change.low)} to ${number(change.high)})${beside}.`;
  return first + besideMatched(change.estimate, matched);
}

/** Whether the H-Neurons matter more for readable text than matched ones, as much, or less. */
function besideMatched(own: number, matched: readonly number[]): string {
  if (matched.length === 0) return '';
  if (own < Math.min(...matched)) return ' They are needed for readable text more than any matched set.';
  if (own > Math.max(...matched)) return ' They are needed for readable text less than any matched set.';
  return ' That is within what matched neurons do.';
}

/**
 * Where compliance and readable text begin to fall on the way to alpha 0, if they do.
 * @param measure of readable text that falls: the likelihood of plain English may fall while no more prose is unreadable
 */
function whatFallsFirst(compliance: number | null, readability: number | null, measure: string): string {
  const since = (alpha: number) => (alpha === 0 ? 'at alpha 0' : `from alpha ${alpha} down`);
  if (compliance === null) {
    return readability === null
      ? ` Neither compliance nor ${measure} falls significantly on the way to 0.`
      : ` ${capital(measure)} falls ${since(readability)}; compliance does not fall significantly at all.`;
  }
  if (readability === null) {
    return ` Compliance falls (${since(compliance)}) before ${measure} does, which does not fall significantly.`;
  }
  if (compliance > readability) {
    return ` Compliance falls (${since(compliance)}) before ${measure} does (${since(readability)}).`;
  }
  return compliance === readability
    ? ` Compliance and ${measure} fall at the same alpha, ${compliance}: what looks like resistance may be a damaged model.`
    : ` ${capital(measure)} falls first (${since(readability)}), compliance only ${since(compliance)}: what looks like resistance may be a damaged model.`;
}
