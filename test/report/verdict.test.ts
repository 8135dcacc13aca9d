import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { parseReport } from '../../src/report/schema.js';
import { beyondSentence, completeReport, verdict } from '../../src/report/verdict.js';
import { syntheticContent, syntheticReport } from '../support/report.js';

const content = syntheticContent();
const { test: figures, detector } = content;

/** The verdict when some test figures were others. */
const judged = (change: Partial<typeof figures>) => verdict({ detector, test: { ...figures, ...change } });

test('a detector that is clearly above its control beats it, and the text gives the figures', () => {
  const found = verdict(content);
  assert.equal(found.outcome, 'beats');
  assert.equal(found.beatsControl, true);
  assert.match(
    found.text,
    /^The detector beats its random control: AUROC \.85 against \.67 .*interval \+\.11 to \+\.24\)\.$/,
  );
});

test('each condition alone is enough to say that it does not beat the control', () => {
  const { control } = figures;
  const difference = (low: number, high: number) =>
    judged({
      control: { ...control, difference: { ...control.difference, auroc: { estimate: 0.01, low, high } } },
    });
  assert.match(
    difference(-0.02, 0.04).text,
    /^The detector does not beat .*the interval includes no difference\.$/,
  );
  assert.match(difference(-0.09, -0.02).text, /it does worse\.$/);
  const equal = control.runs.map((run, i) => (i === 4 ? { ...run, auroc: figures.auroc.estimate } : run));
  assert.match(judged({ control: { ...control, runs: equal } }).text, /1 of 10 random sets do as well\.$/);
  assert.match(
    judged({ permutation: { p: 0.05, permutations: 2000 } }).text,
    /shuffled labels .* \(p = \.05\)\.$/,
  );
  for (const found of [difference(0, 0.1), judged({ permutation: { p: 0.2, permutations: 2000 } })]) {
    assert.equal(found.beatsControl, false);
    assert.equal(found.outcome, 'does-not-beat');
  }
});

test('few samples: no verdict, however good the figures', () => {
  assert.equal(judged({ faithful: 24 }).outcome, 'too-few');
  assert.equal(judged({ hallucinated: 24 }).outcome, 'too-few');
  assert.equal(judged({ faithful: 25, hallucinated: 25 }).outcome, 'beats');
  assert.equal(judged({ faithful: 24 }).beatsControl, false);
});

test('no neurons: no detector', () => {
  const found = verdict({ test: figures, detector: { ...detector, neurons: [] } });
  assert.equal(found.beatsControl, false);
  assert.match(found.text, /no neuron was selected/);
});

test('a cheap baseline that does as well is named, also when it works in reverse', () => {
  const baseline = (estimate: number) =>
    judged({
      baselines: [
        { name: 'answer length', description: '', auroc: { estimate, low: estimate, high: estimate } },
      ],
    }).text;
  assert.match(baseline(0.9), /But answer length alone does as well \(AUROC \.90\)/);
  assert.match(baseline(0.08), /But answer length alone does as well \(AUROC \.92\)/);
  assert.doesNotMatch(baseline(0.7), /But/);
});

test('all baselines that do as well are named, best first', () => {
  const named = (name: string, estimate: number) => ({
    name,
    description: '',
    auroc: { estimate, low: estimate, high: estimate },
  });
  const { text } = judged({
    baselines: [named('length', 0.6), named('log-probability', 0.93), named('agreement', 0.97)],
  });
  assert.match(text, /agreement \(AUROC \.97\) and log-probability \(AUROC \.93\) do as well/);
  assert.doesNotMatch(text, /length/);
  const inside = (kind: 'neurons' | 'residual' | 'combined') => ({ ...named(kind, 0.99), kind });
  const kinds = [inside('neurons'), inside('residual'), inside('combined')];
  assert.doesNotMatch(judged({ baselines: kinds }).text, /as well/);
});

test('whether the neurons add anything to the log-probability follows from the interval of the difference', () => {
  const said = (estimate: number, low: number, high: number) => {
    const auroc = { estimate, low, high };
    const both = { estimate: 0.95, low: 0.9, high: 0.97 };
    return beyondSentence({
      beyond: { combined: { accuracy: both, auroc: both }, difference: { accuracy: auroc, auroc } },
    });
  };
  assert.match(
    said(0.02, 0.004, 0.03)!,
    /^The neurons add something .*AUROC \.95 for both together, \.93 for .*\(difference \+\.02, 95 % interval \+\.004 to \+\.03\)/,
  );
  assert.match(
    said(0.0001, -0.002, 0.003)!,
    /^The neurons add nothing that can be seen .*difference 0, .*−\.002 to \+\.003/,
  );
  assert.match(said(-0.02, -0.03, -0.01)!, /makes it worse/);
  assert.equal(beyondSentence({}), undefined);
});

test('a report survives being written and read', () => {
  const report = syntheticReport();
  assert.deepEqual(parseReport(JSON.parse(JSON.stringify(report)), 'report.json'), report);
});

test('a figure that is not a number does not get into a report', () => {
  const broken = { ...content, test: { ...figures, auroc: { estimate: Number.NaN, low: 0, high: 1 } } };
  assert.throws(() => completeReport(broken));
});

test('other files, other versions and damage are refused in one line that names the file', () => {
  const report = syntheticReport();
  const refused = (value: unknown, expected: RegExp) =>
    assert.throws(
      () => parseReport(value, 'runs/a/report.json'),
      (error: Error) =>
        error instanceof UserError && expected.test(error.message) && !error.message.includes('\n'),
    );
  refused([1, 2], /^runs\/a\/report\.json is not a report/);
  refused(null, /is not a report/);
  refused({ ...report, version: 99 }, /version 99, this program reads 1/);
  refused({ ...report, model: { ...report.model, layers: 'many' } }, /damaged at model\.layers/);
  refused({ ...report, test: undefined }, /damaged at test/);
});
