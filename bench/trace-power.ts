/**
 * How often the tests of parameter inertia speak up, on drift whose truth is known: their power, and their false-positive
 * rate also where depth or size of the weights could mislead them. Prints the table of docs/trace.md.
 *
 *     node dist/bench/trace-power.js [--draws 1000] [--layers 18] [--ffn 2048] [--marked 43]
 */
import { parseArgs } from 'node:util';
import { withoutNorms } from '../src/drift/confounder.js';
import { type Inertia, testInertia } from '../src/drift/inertia.js';
import { ranksOf } from '../src/drift/rank.js';
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

interface Scenario {
  name: string;
  /** Whether the marked neurons are really more inert than their like. */
  truth: boolean;
  /** Drift added by depth, by size, and by being marked, in standard deviations of the rest. */
  depth: number;
  size: number;
  shift: number;
  /** Marked neurons come from the last third of the layers, or from the largest tenth. */
  from: 'anywhere' | 'still layers' | 'large weights';
}

const SCENARIOS: Scenario[] = [
  { name: 'nothing is different', truth: false, depth: 0, size: 0, shift: 0, from: 'anywhere' },
  {
    name: 'marked in layers that move less',
    truth: false,
    depth: 1,
    size: 0,
    shift: 0,
    from: 'still layers',
  },
  {
    name: 'marked have larger weights, which turn less',
    truth: false,
    depth: 0,
    size: 1,
    shift: 0,
    from: 'large weights',
  },
  { name: 'marked move less by .25 sd', truth: true, depth: 0, size: 0, shift: 0.25, from: 'anywhere' },
  { name: 'marked move less by .5 sd', truth: true, depth: 0, size: 0, shift: 0.5, from: 'anywhere' },
  { name: 'marked move less by 1 sd', truth: true, depth: 0, size: 0, shift: 1, from: 'anywhere' },
  {
    name: 'marked move less by .5 sd, and depth matters',
    truth: true,
    depth: 1,
    size: 0,
    shift: 0.5,
    from: 'still layers',
  },
];

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}

function simulate(scenario: Scenario, draw: number): { plain: Inertia; adjusted: Inertia } {
  const random = derive(draw, 'power', scenario.name);
  const total = layers * ffn;
  const norms = Float64Array.from({ length: total }, () => Math.exp(0.3 * normal(random)));
  const large = [...norms].sort((a, b) => a - b)[Math.floor(0.9 * total)];
  const first = Math.floor((2 / 3) * layers) * ffn;
  const pool = Array.from({ length: total }, (_, j) => j).filter((j) =>
    scenario.from === 'still layers'
      ? j >= first
      : scenario.from === 'large weights'
        ? norms[j] >= large
        : true,
  );
  const marked = Array.from(choose(random, pool.length, count), (i) => pool[i]);
  const inert = new Set(marked);
  const score = Float64Array.from({ length: total }, (_, j) => {
    const layer = Math.floor(j / ffn) / (layers - 1);
    return (
      normal(random) -
      scenario.depth * layer -
      scenario.size * (Math.log(norms[j]) / 0.3) -
      (inert.has(j) ? scenario.shift : 0)
    );
  });
  const test = (ranks: Float64Array) => testInertia(ranks, marked, { ffn, seed: draw, sets });
  return { plain: test(ranksOf(score)), adjusted: test(ranksOf(withoutNorms(score, [norms]))) };
}

const share = (hits: number) => {
  const p = hits / draws;
  return `${(100 * p).toFixed(1)} % ± ${(196 * Math.sqrt((p * (1 - p)) / draws)).toFixed(1)}`;
};

console.log(
  `How often p < ${LEVEL} in ${draws} draws of ${layers} x ${ffn} neurons, ${count} of them marked (± is the 95 % error of the simulation):\n`,
);
console.log('| truth | drift | Welch | Mann-Whitney | layer-matched | layer-matched, norms partialled out |');
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
  const truth = scenario.truth ? 'inert' : 'not inert';
  console.log(`| ${truth} | ${scenario.name} | ${hits.map(share).join(' | ')} |`);
}
