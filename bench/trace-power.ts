/**
 * How often the tests of parameter inertia speak up, on drift whose truth is known: their power, and their false-positive
 * rate also where depth or size of the weights could mislead them. Prints the table of docs/trace.md.
 *
 *     node dist/bench/trace-power.js [--draws 1000] [--layers 18] [--ffn 2048] [--marked 43]
 *
 * Each neuron's weights are moved by a random step that is as long as all others, whatever the size of the weights: `1 - cos` follows
 * from the lengths of the two. Norms are log-normal, alike in W_up and W_down; the lengths of steps vary a little.
 */
import { parseArgs } from 'node:util';
import { withoutNorms } from '../src/drift/confounder.js';
import { type Inertia, testInertia } from '../src/drift/inertia.js';
import { inertiaRanks, ranksOf } from '../src/drift/rank.js';
import { choose, derive, type Random, uniform } from '../src/stats/random.js';

const { values } = parseArgs({
  options: {
    draws: { type: 'string', default: '1000' },
    layers: { type: 'string', default: '18' },
    ffn: { type: 'string', default: '2048' },
    marked: { type: 'string', default: '43' },
    sets: { type: 'string', default: '999' },
  },
});
const [draws, layers, ffn, count, sets] = [
  values.draws,
  values.layers,
  values.ffn,
  values.marked,
  values.sets,
].map(Number);
const LEVEL = 0.05;

/** Standard deviation of the logarithm of the norms that both matrices of a neuron share, and of what each has of its own. */
const NORMS = { shared: 0.3, own: 0.05 };
/** Steps, as a part of the median norm, and the standard deviation of their logarithm. */
const STEP = { size: 0.05, spread: 0.15 };

interface Scenario {
  name: string;
  /** By how many standard deviations of the logarithm the steps of the marked neurons are shorter: 0 is not inert. */
  shift: number;
  /** The quantiles of the norm between which the marked neurons lie; all of them by default. */
  norms?: [number, number];
  /** Marked neurons come from the last third of the layers. */
  last?: boolean;
  /** What the logarithms of norms and steps gain from the first to the last layer. */
  depth?: { norms: number; steps: number };
}

const STILL = { norms: 0, steps: -0.5 };
/** Weights grow with depth, and steps more than they. */
const GROWING = { norms: 1.5, steps: 2.5 };
const MIDDLE: [number, number] = [0.4, 0.6];
const LARGEST: [number, number] = [0.9, 1];

const SCENARIOS: Scenario[] = [
  { name: 'nothing is different', shift: 0 },
  { name: 'marked in the last layers, which move less', shift: 0, depth: STILL, last: true },
  { name: 'marked among the smallest tenth', shift: 0, norms: [0, 0.1] },
  { name: 'marked among middle norms', shift: 0, norms: MIDDLE },
  { name: 'marked among the largest tenth', shift: 0, norms: LARGEST },
  {
    name: 'marked among the largest tenth; deeper layers are larger and move more',
    shift: 0,
    norms: LARGEST,
    depth: GROWING,
  },
  { name: 'marked move less by .25 sd', shift: 0.25 },
  { name: 'marked move less by .5 sd', shift: 0.5 },
  { name: 'marked move less by 1 sd', shift: 1 },
  { name: '.5 sd, in the last layers, which move less', shift: 0.5, depth: STILL, last: true },
  { name: '.5 sd, among middle norms', shift: 0.5, norms: MIDDLE },
  { name: '.5 sd, among the largest tenth', shift: 0.5, norms: LARGEST },
  {
    name: '.5 sd, among the largest tenth; deeper layers are larger and move more',
    shift: 0.5,
    norms: LARGEST,
    depth: GROWING,
  },
];

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}

function simulate(scenario: Scenario, draw: number): { plain: Inertia; adjusted: Inertia } {
  const { name, shift, norms: [low, high] = [0, 1], last = false, depth } = scenario;
  const random = derive(draw, 'power', name);
  const total = layers * ffn;
  const shared = Float64Array.from({ length: total }, () => NORMS.shared * normal(random));
  const sorted = shared.slice().sort();
  const quantile = (share: number) =>
    share >= 1 ? Number.POSITIVE_INFINITY : sorted[Math.floor(share * total)];
  const [from, below] = [quantile(low), quantile(high)];
  const first = last ? Math.floor((2 / 3) * layers) * ffn : 0;
  const pool: number[] = [];
  for (let j = first; j < total; j++) if (shared[j] >= from && shared[j] < below) pool.push(j);
  const marked = Array.from(choose(random, pool.length, count), (i) => pool[i]);
  const inert = new Set(marked);
  const deep = (j: number) => Math.floor(j / ffn) / (layers - 1);

  const matrix = () => {
    const norms = shared.map((log, j) =>
      Math.exp(log + NORMS.own * normal(random) + (depth ? depth.norms * deep(j) : 0)),
    );
    const drift = norms.map((norm, j) => {
      const log = STEP.spread * (normal(random) - (inert.has(j) ? shift : 0));
      const step = STEP.size * Math.exp(log + (depth ? depth.steps * deep(j) : 0));
      // In many dimensions a random step stands upright on the weights.
      return 1 - norm / Math.hypot(norm, step);
    });
    return { norms, drift };
  };
  const [up, down] = [matrix(), matrix()];
  const drifts = [up.drift, down.drift];
  const test = (ranks: Float64Array) => testInertia(ranks, marked, { ffn, seed: draw, sets });
  return {
    plain: test(inertiaRanks(drifts).rank),
    adjusted: test(ranksOf(withoutNorms(drifts, [up.norms, down.norms], ffn))),
  };
}

const share = (hits: number) => {
  const p = hits / draws;
  return `${(100 * p).toFixed(1)} % ± ${(196 * Math.sqrt((p * (1 - p)) / draws)).toFixed(1)}`;
};

console.log(
  `How often p < ${LEVEL} in ${draws} draws of ${layers} x ${ffn} neurons, ${count} of them marked (± is the 95 % error of the simulation):\n`,
);
console.log('| truth | drift | Welch | Mann-Whitney | layer-matched | layer-matched, norms allowed for |');
console.log('|---|---|---|---|---|---|');
for (const scenario of SCENARIOS) {
  const hits = [0, 0, 0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const { plain, adjusted } = simulate(scenario, draw);
    const ps = [plain.welch.p, plain.mannWhitney.p, plain.layerMatched.p, adjusted.layerMatched.p];
    ps.forEach((p, i) => {
      if (p < LEVEL) hits[i]++;
    });
  }
  const truth = scenario.shift > 0 ? 'inert' : 'not inert';
  console.log(`| ${truth} | ${scenario.name} | ${hits.map(share).join(' | ')} |`);
}
