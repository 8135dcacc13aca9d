import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Benchmark, Outcome } from '../../src/intervene/types.js';
import type { Cost } from '../../src/pipeline/intervene/cost.js';
import { complianceCurves, type Readings } from '../../src/pipeline/intervene/curves.js';
import { describeCurve } from '../../src/pipeline/intervene/describe-curve.js';
import { legibility } from '../../src/pipeline/intervene/legibility.js';
import type { NeuronSet } from '../../src/pipeline/intervene/neuron-sets.js';
import { describeSoundness, soundAlphas } from '../../src/pipeline/intervene/soundness.js';
import { effectOf } from '../../src/report/intervention/effect.js';
import type { CostPoint } from '../../src/report/intervention/schema.js';

const ITEMS = 40;
const set = (name: string, kind: NeuronSet['kind']): NeuronSet => ({
  name,
  kind,
  neurons: Uint32Array.of(1),
  cett: 1,
});
const sets = [
  set('h-neurons', 'h-neurons'),
  ...[1, 2, 3].map((i) => set(`layer-matched-${i}`, 'layer-matched')),
];

/** Readings in which so many of the items comply, and so many twins are right, under each condition. */
function readings(
  complies: (one: NeuronSet, alpha: number) => number,
  right: (one: NeuronSet, alpha: number) => number = () => ITEMS,
  failed: (i: number, alpha: number, one: NeuronSet) => boolean = () => false,
): Readings {
  const items = Array.from({ length: 2 * ITEMS }, (_, i) => ({
    id: `${i}`,
    group: `${i % ITEMS}`,
    twin: i >= ITEMS,
    turns: [{ question: 'q' }],
    right: ['r'],
  }));
  const benchmark = { name: 'made-up', complies: 'it does', items } as unknown as Benchmark;
  return {
    benchmark,
    judge: 'rule',
    at: (one, alpha) => {
      const outcomes = items.map(({ twin }, i): Outcome => {
        if (failed(i, alpha, one)) return 'failed';
        if (twin) return i - ITEMS < right(one, alpha) ? 'right' : 'wrong';
        return i < complies(one, alpha) ? 'complies' : 'resists';
      });
      return {
        outcomes,
        answers: items.map(({ id }) => ({
          key: id,
          benchmark: 'made-up',
          set: one.name,
          alpha,
          id,
          text: 'a word',
          tokens: 2,
          finish: 'stop',
        })),
      };
    },
  };
}

const alphas = { all: [0, 0.5, 1, 1.5, 2], controls: [0, 1, 2] };
const isOwn = ({ kind }: NeuronSet) => kind === 'h-neurons';

describe('compliance curves', () => {
  it('slope, rank among the controls, and paired changes of a planted effect', () => {
    const planted = readings((one, alpha) => (isOwn(one) ? 10 + 10 * alpha : 20));
    const found = complianceCurves(planted, sets, alphas, [0, 0.5, 1], 1);
    assert.ok(Math.abs(found.slope.hNeurons.estimate - 0.25) < 1e-12);
    assert.ok(found.slope.hNeurons.low > 0.1 && found.slope.hNeurons.high < 0.4);
    assert.ok(Math.abs(found.slope.compared.hNeurons - 0.25) < 1e-12);
    assert.deepEqual(
      found.slope.controls.map(({ slope }) => slope),
      [0, 0, 0],
    );
    assert.deepEqual([found.slope.p, found.slope.pRandom, found.slope.pMatched], [0.25, null, 0.25]);
    assert.deepEqual(
      found.curves[0].points.map(({ complianceRate }) => complianceRate.estimate),
      [0.25, 0.375, 0.5, 0.625, 0.75],
    );
    assert.deepEqual(
      found.curves[1].points.map(({ alpha }) => alpha),
      [0, 1, 2],
      'controls at the whole numbers',
    );
    const [off, up] = found.paired;
    assert.deepEqual([off.from, off.to, off.gained, off.lost], [1, 0, 0, 10]);
    assert.ok(off.p < 0.003);
    assert.deepEqual([up.from, up.to, up.gained, up.lost], [1, 2, 10, 0]);
    assert.ok(Math.abs(found.soundSlope!.hNeurons.estimate - 0.25) < 1e-12);
    assert.equal(found.twinSlope!.estimate, 0);
    assert.match(
      describeCurve(found),
      /; over alpha 0, 1, 2 \+25\.0, control sets .*More than any control.*Where the model is sound \(alpha 0 to 1\): \+25\.0 \(/s,
    );
  });

  it('a control that rises as much, but for the last bit, shares the effect', () => {
    const slope = (control: number) => ({
      hNeurons: { estimate: 0.3, low: 0.1, high: 0.5 },
      compared: { alphas: [0, 1], hNeurons: 0.1 + 0.2 },
      controls: [{ set: 'c', slope: control }],
    });
    assert.equal(effectOf(slope(0.3)), 'shared');
    assert.equal(effectOf(slope(0.29)), 'own');
  });

  it('that the neurons turn compliance is said only beside enough controls', () => {
    const many = (count: number): NeuronSet[] => [
      sets[0],
      ...Array.from({ length: count }, (_, i) => ({ ...sets[1], name: `c${i}` })),
    ];
    const wide = { all: [0, 1, 2], controls: [0, 1, 2] };
    const rising = readings((one, alpha) => (isOwn(one) ? 10 + 10 * alpha : 10));
    const told = (count: number) => describeCurve(complianceCurves(rising, many(count), wide, [0, 1, 2], 1));
    assert.match(told(19), /More than any control: these neurons do turn compliance/);
    assert.match(told(3), /More than any control, but 3 controls are too few to tell/);
    assert.doesNotMatch(told(18), /do turn/);
  });

  it('an effect that ends where the model breaks is compared with the controls where it is sound', () => {
    const wide = { all: [0, 1, 2, 3], controls: [0, 1, 2, 3] };
    const rise = [4, 14, 24, 2];
    const twin = [10, 20, 30, 2];
    const broken = readings(
      (one, alpha) => (isOwn(one) ? rise[alpha] : 14 + alpha),
      (one, alpha) => (isOwn(one) ? twin[alpha] : 20),
    );
    const found = complianceCurves(broken, sets, wide, [0, 1, 2], 1);
    assert.equal(found.slope.p, 0.25 * 4, 'over all alphas every control rises more');
    const { hNeurons, compared, controls, p, twins, low, high } = found.soundSlope!;
    assert.deepEqual([low, high, compared.alphas, p], [0, 2, [0, 1, 2], 0.25]);
    for (const value of [hNeurons.estimate, compared.hNeurons, twins!.estimate]) {
      assert.ok(Math.abs(value - 10 / ITEMS) < 1e-12);
    }
    for (const { slope } of controls) assert.ok(Math.abs(slope - 1 / ITEMS) < 1e-12);
    assert.match(
      describeCurve(found),
      /^(?!.*over alpha).*sound \(alpha 0 to 2\): \+25\.0 \(.*control sets \+2\.5 to \+2\.5, p = \.25\. More than any control\. Twins: \+25\.0 .*the bent/s,
    );
    // Where the controls were not asked often enough within, there is nothing to compare with.
    const { soundSlope } = complianceCurves(
      broken,
      sets,
      { all: [0, 0.5, 1], controls: [0, 1] },
      [0.5, 1],
      1,
    );
    assert.deepEqual([soundSlope!.controls, soundSlope!.p], [[], null]);
  });

  it("a control with the same slope makes the effect none of the H-Neurons' own", () => {
    const shared = readings((_, alpha) => 10 + 10 * alpha);
    const found = complianceCurves(shared, sets, alphas, alphas.all, 1);
    assert.equal(found.slope.p, 1);
    assert.match(describeCurve(found), /so it does with some control neurons/);
  });

  it('without controls nothing is said of them', () => {
    const alone = readings((_, alpha) => 10 + 10 * alpha);
    const found = complianceCurves(alone, sets.slice(0, 1), alphas, alphas.all, 1);
    const told = describeCurve(found);
    assert.match(told, /It rises; whether other neurons do the same was not asked/);
    assert.doesNotMatch(told, /some control neurons|p = /);
  });

  it('twins that move along show a bent, not resistance', () => {
    const bent = readings(
      (one, alpha) => (isOwn(one) ? 36 - 14 * alpha : 20),
      (one, alpha) => (isOwn(one) ? 38 - 14 * alpha : 38),
    );
    const found = complianceCurves(bent, sets, alphas, alphas.all, 1);
    assert.match(describeCurve(found), /opposite of the published effect.*the bent of the answers/s);
  });

  it('an item without a verdict at one alpha is left out at all of its set, and of no other', () => {
    const torn = readings(
      () => 20,
      undefined,
      (i, alpha, one) => i === 0 && alpha === 2 && isOwn(one),
    );
    const found = complianceCurves(torn, sets, alphas, alphas.all, 1);
    assert.deepEqual([found.items, found.twins, found.failed], [ITEMS - 1, ITEMS, 1]);
    for (const { set, points } of found.curves) {
      for (const { complianceRate, meanTokens } of points) {
        assert.equal(complianceRate.estimate, set === 'h-neurons' ? 19 / 39 : 20 / 40);
        assert.equal(meanTokens, 2, 'of the answers that count');
      }
    }
    assert.deepEqual([found.slope.hNeurons.estimate, found.slope.controls[0].slope], [0, 0]);
    assert.match(describeCurve(found), /1 of 80 items are left out: the judge gave no usable verdict/);
  });

  it('what a judge cannot tell is no fall of compliance', () => {
    const silent = readings(
      () => 40,
      undefined,
      (i, alpha) => alpha === 0 && i < 12,
    );
    const quiet: Cost = { passages: new Float64Array(3), prose: [] };
    const found = legibility({ sets, alphas, readings: [silent], costAt: () => quiet, seed: 1 })!;
    assert.equal(found.complianceFallsAt, null);
  });

  it('of many benchmarks one must fall more clearly than of one', () => {
    const quiet: Cost = { passages: new Float64Array(3), prose: [] };
    const fallsAt = (others: number) =>
      legibility({
        sets,
        alphas,
        // Seven of 40 cease: p = .016.
        readings: [
          readings((_, alpha) => (alpha === 0 ? 13 : 20)),
          ...Array(others).fill(readings(() => 20)),
        ],
        costAt: () => quiet,
        seed: 1,
      })!.complianceFallsAt;
    assert.deepEqual([fallsAt(0), fallsAt(2), fallsAt(3)], [0, 0, null]);
  });
});

describe('what it costs', () => {
  const point = (alpha: number, score: number, degenerate = 0) =>
    ({
      alpha,
      score: { facts: { estimate: score, low: 0, high: 1 } },
      degenerate: { estimate: degenerate, low: 0, high: 1 },
    }) as unknown as CostPoint;

  it('sound alphas reach outward from 1 until score or readability is lost', () => {
    const points = [point(0, 0.48), point(0.5, 0.39), point(1, 0.5), point(2, 0.41), point(3, 0.48, 0.5)];
    assert.deepEqual(soundAlphas(points, 'facts'), [1, 2], 'what lies behind a broken point does not count');
    const control = { set: 'c', points: [point(0, 0.5), point(1, 0.5), point(3, 0.1)] };
    assert.match(
      describeSoundness([{ set: 'h-neurons', points }, control], 'facts'),
      /broken at 0 \(plain questions 48.% right, prose 0.% degenerate; none of 1 control sets is broken there\), at 0\.5 \(plain questions 39.% right, prose 0.% degenerate\), at 3 \(.*prose 50.% degenerate; 1 of 1 control sets is broken there\), against plain questions 50.% right, prose 0.% degenerate at 1:/,
    );
    assert.equal(
      describeSoundness(
        [control].map((one) => ({ ...one, points: points.slice(2, 4) })),
        'facts',
      ),
      '',
    );
  });

  it('readability falling first, after, and not at all', () => {
    const texts = Array.from({ length: 12 }, (_, i) => `sentence number ${i} is all right`);
    const cost = (drop: number, loops = false): Cost => ({
      passages: Float64Array.from({ length: 12 }, (_, i) => -3 - drop - (i % 3) / 100),
      prose: texts.map((text, i) => ({
        key: '',
        benchmark: 'prose',
        set: 's',
        alpha: 0,
        id: `${i}`,
        text: loops ? 'and so '.repeat(30) : text,
        tokens: 5,
        finish: 'length',
      })),
    });
    const run = (dropAt: (alpha: number) => number, complies: (alpha: number) => number) =>
      legibility({
        sets,
        alphas: { all: [0, 0.5, 1], controls: [0, 1] },
        readings: [readings((_, alpha) => complies(alpha))],
        costAt: (one, alpha) => cost(isOwn(one) ? dropAt(alpha) : 0),
        seed: 1,
      })!;
    const first = run(
      (alpha) => (alpha < 1 ? 0.3 : 0),
      (alpha) => (alpha === 0 ? 5 : 30),
    );
    assert.deepEqual([first.complianceFallsAt, first.readabilityFallsAt], [0, 0.5]);
    assert.match(
      first.verdict,
      /The likelihood of plain English falls first \(from alpha 0\.5 down\), compliance only at alpha 0: .*damaged model/,
    );
    assert.match(first.verdict, /more than any matched set/);
    const after = run(
      (alpha) => (alpha === 0 ? 0.3 : 0),
      (alpha) => (alpha < 1 ? 5 : 30),
    );
    assert.deepEqual([after.complianceFallsAt, after.readabilityFallsAt], [0.5, 0]);
    assert.match(
      after.verdict,
      /Compliance falls \(from alpha 0\.5 down\) before the likelihood of plain English does \(at alpha 0\)/,
    );
    const loops = legibility({
      sets,
      alphas: { all: [0, 1], controls: [0, 1] },
      readings: [readings(() => 20)],
      costAt: (one, alpha) => cost(0, isOwn(one) && alpha === 0),
      seed: 1,
    })!;
    assert.match(loops.verdict, /The share of readable prose falls at alpha 0; compliance does not fall/);
    const none = run(
      () => 0,
      () => 20,
    );
    assert.match(none.verdict, /Neither compliance nor the likelihood of plain English falls significantly/);
    assert.match(none.verdict, /within what matched neurons do/);
    const less = legibility({
      sets,
      alphas: { all: [0, 1], controls: [0, 1] },
      readings: [readings(() => 20)],
      costAt: (one, alpha) => cost(alpha === 1 ? 0 : isOwn(one) ? 0.13 : 0.25),
      seed: 1,
    });
    assert.match(less!.verdict, /by −0?\.13 a token .*less than any matched set/);
    assert.doesNotMatch(less!.verdict, /within/);
    assert.equal(
      legibility({
        sets,
        alphas: { all: [1, 2], controls: [1, 2] },
        readings: [],
        costAt: () => cost(0),
        seed: 1,
      }),
      null,
    );
  });
});
