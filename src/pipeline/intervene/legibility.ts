import { formatChange, formatP, formatPercent } from '../../report/format.js';
import type { ComplianceBenchmark, Intervention } from '../../report/intervention/schema.js';
import { mcNemar } from '../../stats/mcnemar.js';
import { type Cost, degenerateProse, distinctChange, likelihoodChange } from './cost.js';
import type { Readings } from './curves.js';
import type { NeuronSet } from './neuron-sets.js';

const SIGNIFICANT = 0.05;
/** Rise of the share of degenerate prose that counts as broken. */
const MORE_DEGENERATE = 0.25;
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
  const down = alphas.all.filter((alpha) => alpha < 1).sort((a, b) => b - a);
  const complianceFallsAt =
    down.find((alpha) =>
      options.readings.some(({ benchmark, at }) => {
        const places = benchmark.items.flatMap(({ twin }, i) => (twin ? [] : [i]));
        const complies = (value: number) => places.map((i) => at(own, value).outcomes[i] === 'complies');
        const { gained, lost, p } = mcNemar(complies(1), complies(alpha));
        return p < SIGNIFICANT && lost > gained;
      }),
    ) ?? null;
  const readabilityFallsAt =
    down.find((alpha) => {
      const cost = costAt(own, alpha);
      if (likelihoodChange(plain, cost, seed, 'falls', String(alpha)).high < 0) return true;
      const { gained, lost, p } = mcNemar(degenerateProse(plain), degenerateProse(cost));
      return p < SIGNIFICANT && gained > lost;
    }) ?? null;
  return {
    suppressed,
    complianceFallsAt,
    readabilityFallsAt,
    verdict: verdictOf(suppressed, sets, complianceFallsAt, readabilityFallsAt),
  };
}

const share = (values: boolean[]) => values.filter((one) => one).length / Math.max(1, values.length);

function verdictOf(
  suppressed: Legibility['suppressed'],
  sets: readonly NeuronSet[],
  compliance: number | null,
  readability: number | null,
): string {
  const [own, ...others] = suppressed;
  const matched = others.filter((_, i) => sets[i + 1].kind === 'layer-matched');
  const change = own.logLikelihood;
  const number = (value: number) => formatChange(value, 2);
  const beside =
    matched.length > 0
      ? `, against ${number(Math.min(...matched.map((one) => one.logLikelihood.estimate)))} to ${number(Math.max(...matched.map((one) => one.logLikelihood.estimate)))} with matched controls`
      : '';
  const first = `With the H-Neurons off, the log-likelihood of plain English changes by ${number(change.estimate)} a token (${number(change.low)} to ${number(change.high)})${beside}.`;
  const worse =
    matched.length > 0 && matched.every((one) => change.estimate < one.logLikelihood.estimate)
      ? ' They are needed for readable text more than any matched set.'
      : matched.length > 0 && change.estimate <= 0
        ? ' That is within what matched neurons do.'
        : '';
  const order =
    compliance === null && readability === null
      ? ' Neither compliance nor readability falls significantly on the way to 0.'
      : compliance === null
        ? ` Readability falls from alpha ${readability} on; compliance does not fall significantly at all.`
        : readability === null || compliance > readability
          ? ` Compliance falls (from alpha ${compliance} on) before readability does${readability === null ? ', which does not fall significantly' : ` (from ${readability} on)`}.`
          : compliance === readability
            ? ` Compliance and readability fall at the same alpha, ${compliance}: what looks like resistance may be a damaged model.`
            : ` Readability falls first (from alpha ${readability} on), compliance only from ${compliance} on: what looks like resistance may be a damaged model.`;
  return first + worse + order;
}

/**
 * Alphas at which the model with scaled H-Neurons is sound: from 1 outward, as long as the first question score is at most `drop` below
 * that at 1 and the share of degenerate prose at most {@link MORE_DEGENERATE} above (it is one of few texts).
 */
export function soundAlphas(
  cost: Intervention['cost'][number]['points'],
  score: string,
  drop = 0.1,
): number[] {
  const points = [...cost].sort((a, b) => a.alpha - b.alpha);
  const home = points.findIndex(({ alpha }) => alpha === 1);
  if (home < 0) return [];
  const at = (i: number) => points[i].score[score].estimate;
  const sound = (i: number) =>
    at(i) >= at(home) - drop - 1e-9 &&
    points[i].degenerate.estimate <= points[home].degenerate.estimate + MORE_DEGENERATE + 1e-9;
  let low = home;
  let high = home;
  while (low > 0 && sound(low - 1)) low--;
  while (high < points.length - 1 && sound(high + 1)) high++;
  return points.slice(low, high + 1).map(({ alpha }) => alpha);
}

/** In percentage points: `+17.5`, `−4.1`. */
const points = (value: number) => formatChange(value * 100, 1);

/** What a benchmark's curve came to, in a sentence. */
export function describeCurve(
  benchmark: ComplianceBenchmark,
  sound: readonly number[],
  alphas: readonly number[],
): string {
  const [own] = benchmark.curves;
  const rates = own.points
    .filter(({ alpha }) => Number.isInteger(alpha))
    .map(({ alpha, complianceRate }) => `${formatPercent(complianceRate.estimate)} at ${alpha}`)
    .join(', ');
  const { hNeurons, compared, controls, p } = benchmark.slope;
  const slopes = controls.map(({ slope }) => slope);
  const against =
    controls.length > 0
      ? `; over alpha ${compared.alphas.join(', ')} ${points(compared.hNeurons)}, control sets ${points(Math.min(...slopes))} to ${points(Math.max(...slopes))}, ${formatP(p!)}`
      : '';
  const steps = `${benchmark.name}: complies ${rates}; ${points(hNeurons.estimate)} points a unit of alpha, 95 % ${points(hNeurons.low)} to ${points(hNeurons.high)}${against}.`;
  const clear = hNeurons.low > 0 && controls.length > 0 && slopes.every((slope) => slope < compared.hNeurons);
  const effect = clear
    ? ' More than any control: these neurons do turn compliance.'
    : hNeurons.low > 0
      ? controls.length > 0
        ? ' It rises, but so it does with some control neurons.'
        : ' It rises; whether other neurons do the same was not asked.'
      : hNeurons.high < 0
        ? ' It falls as they are turned up: the opposite of the published effect.'
        : ' No clear effect over the whole range.';
  const { twinSlope } = benchmark;
  const shifts =
    twinSlope !== null &&
    ((hNeurons.low > 0 && twinSlope.low > 0) || (hNeurons.high < 0 && twinSlope.high < 0));
  const twins =
    twinSlope === null
      ? ''
      : ` Honest twins right: ${own.points
          .filter(({ alpha }) => Number.isInteger(alpha))
          .map(({ alpha, twins: right }) => `${formatPercent(right!.estimate)} at ${alpha}`)
          .join(
            ', ',
          )}.${shifts ? ' They move the same way: what changes is the bent of the answers, whatever the facts, and not how far the model holds to them.' : ''}`;
  const inSound = benchmark.soundSlope
    ? ` Where the model is sound (alpha ${benchmark.soundSlope.low} to ${benchmark.soundSlope.high}): ${points(benchmark.soundSlope.hNeurons.estimate)} (${points(benchmark.soundSlope.hNeurons.low)} to ${points(benchmark.soundSlope.hNeurons.high)}).`
    : '';
  const broken = alphas.filter((alpha) => !sound.includes(alpha));
  const warning =
    broken.length > 0
      ? ` At alpha ${broken.join(', ')} the model itself is broken: it loses right answers or readable text, and compliance there means little.`
      : '';
  return steps + effect + twins + inSound + warning;
}
