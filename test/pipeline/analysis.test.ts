import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { compareDetectors, openSide } from '../../src/pipeline/compare.js';
import { type EvaluationFile, readEvaluation } from '../../src/pipeline/evaluate.js';
import { runStages } from '../../src/pipeline/find.js';
import { STAGES } from '../../src/pipeline/manifest.js';
import { readStability, type Stability } from '../../src/pipeline/stability.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeEngine, TELLING_NEURON } from '../support/fake-engine.js';
import { fakeSettings, openFakeRun } from '../support/fake-run.js';
import { temporaryFolder } from '../support/temporary.js';

/** A whole run over the fake engine, of which it is known that one neuron tells, and that the question does not. */
const root = temporaryFolder();
const folder = join(root, 'run');
let evaluation: EvaluationFile;
let stability: Stability;

async function run(path: string, stages: readonly (typeof STAGES)[number][], seed = 1): Promise<void> {
  const context = await openFakeRun(path, fakeEngine());
  try {
    const settings = fakeSettings({ grid: [1, 10], seed });
    await runStages(context, stages, { ...settings, evaluate: { controls: 3, resamples: 5, seed } });
  } finally {
    await context.close();
  }
}

before(async () => {
  await run(folder, STAGES.slice(0, -1));
  evaluation = await readEvaluation(join(folder, 'evaluation.json'));
  stability = await readStability(join(folder, 'stability.json'));
});

const baseline = (name: string) => evaluation.test.baselines.find((one) => one.name === name)!;

test('baselines that see the telling neuron find it, those that see none of it do not', () => {
  for (const name of ['best single neuron', 'L1, answers only', 'L2, all neurons', 'residual stream, L1']) {
    assert.ok(baseline(name).auroc.estimate > 0.9, `${name}: ${baseline(name).auroc.estimate}`);
  }
  for (const one of evaluation.test.baselines) {
    assert.ok(
      Math.abs(one.difference.auroc.estimate - (evaluation.test.auroc.estimate - one.auroc.estimate)) < 1e-12,
    );
  }
  assert.ok(baseline('answer entropy').auroc.estimate > 0.9);
  assert.deepEqual(
    evaluation.test.layerMatched!.runs.map(({ seed }) => seed),
    [0, 1, 2],
  );
});

test('the probe on the question finds nothing where the question tells nothing; the answers do', () => {
  const { question } = evaluation;
  assert.ok(!('missing' in question));
  assert.equal(question.samples, 48);
  assert.ok(question.answer.auroc.estimate > 0.9);
  assert.ok(question.question.auroc.estimate < 0.75, `${question.question.auroc.estimate}`);
  const { estimate } = question.difference.auroc;
  assert.ok(Math.abs(estimate - (question.answer.auroc.estimate - question.question.auroc.estimate)) < 1e-12);
});

test('within one question the wrong answer scores higher', () => {
  const { pairs } = evaluation;
  assert.ok(!('missing' in pairs));
  assert.ok(pairs.pairs > 10);
  assert.ok(pairs.detector.estimate > 0.9 && pairs.answersOnly.estimate > 0.9);
  assert.ok(pairs.detector.low < pairs.detector.estimate);
});

test('the telling neuron is chosen in every resample; the same seed gives the same file, another one another', async () => {
  const [first] = stability.neurons;
  assert.equal(first.layer * 32 + first.index, TELLING_NEURON);
  assert.deepEqual([first.positive, first.negative], [1, 0]);
  assert.equal(stability.resamples, 5);
  for (const { positive, negative } of stability.neurons) assert.ok(positive + negative <= 1);
  for (const part of [stability.hNeurons, stability.all]) {
    for (const { low, estimate, high } of [part.resamples, part.detector, part.splits]) {
      assert.ok(low <= estimate && estimate <= high);
    }
  }
  const text = readFileSync(join(folder, 'stability.json'), 'utf8');
  const copy = join(root, 'copy');
  cpSync(folder, copy, { recursive: true });
  rmSync(join(copy, 'evaluation.json'));
  await run(copy, ['evaluate']);
  assert.equal(readFileSync(join(copy, 'stability.json'), 'utf8'), text);
  const context = await openFakeRun(copy, undefined);
  await runStages(context, ['evaluate'], {
    ...fakeSettings(),
    evaluate: { controls: 3, resamples: 5, seed: 9 },
  });
  await context.close();
  assert.notEqual(readFileSync(join(copy, 'stability.json'), 'utf8'), text);
});

test('features without the question tokens or pairs: said, not failed', async () => {
  const copy = join(root, 'older');
  cpSync(folder, copy, { recursive: true });
  rmSync(join(copy, 'evaluation.json'));
  // The tensor under another name, as good as gone; the length of the header stays.
  const path = join(copy, 'features.safetensors');
  const bytes = readFileSync(path);
  const at = bytes.indexOf('"question"');
  bytes.write('"qu35t10n"', at);
  writeFileSync(path, bytes);
  rmSync(join(copy, 'pairs.safetensors'));
  await run(copy, ['evaluate']);
  const { question, pairs } = await readEvaluation(join(copy, 'evaluation.json'));
  assert.match('missing' in question ? question.missing : '', /without the question tokens/);
  assert.match('missing' in pairs ? pairs.missing : '', /no pairs of answers to one question/);
});

test('compare: another seed of the folds, other weights, and a model of another shape', async () => {
  const other = join(root, 'other');
  cpSync(folder, other, { recursive: true });
  const path = join(other, 'detector.json');
  const detector = JSON.parse(readFileSync(path, 'utf8'));
  const [strongest] = [...detector.neurons].sort((a, b) => b.weight - a.weight);
  const moved = { layer: 0, index: 0, weight: 0.1 };
  const changed = { ...detector, neurons: [{ ...strongest, weight: -strongest.weight }, moved] };
  writeFileSync(path, JSON.stringify(changed));
  const comparison = await compareDetectors(await openSide(folder), await openSide(path));
  const { all, hNeurons, sameSign, shared, scores, layers } = comparison;
  const own = detector.neurons.length;
  const has = detector.neurons.some(
    ({ layer, index }: { layer: number; index: number }) => layer === 0 && index === 0,
  );
  assert.equal(all.shared, has ? 2 : 1);
  assert.ok(Math.abs(all.jaccard - all.shared / (own + 2 - all.shared)) < 1e-12);
  assert.ok(Math.abs(all.expected - (own * 2) / 64) < 1e-12);
  assert.equal(hNeurons.b, 1);
  if (!has) assert.equal(sameSign, 0);
  const reversed = shared.find(({ layer, index }) => layer * 32 + index === TELLING_NEURON)!;
  assert.equal(reversed.a, -reversed.b);
  assert.equal(
    layers.reduce((sum, { a }) => sum + a, 0),
    own,
  );
  assert.deepEqual(
    scores.map(({ of, samples, seenByOther }) => [of, samples, seenByOther]),
    [
      ['a', 48, 0],
      ['b', 48, 0],
    ],
  );
  assert.ok(scores[0].pearson < -0.9 && scores[0].auroc.a > 0.9 && scores[0].auroc.b < 0.2);

  // Without its run beside it, a detector can still be compared, but not score.
  const alone = join(root, 'alone.json');
  writeFileSync(alone, JSON.stringify(changed));
  const bare = await compareDetectors(await openSide(folder), await openSide(alone));
  assert.deepEqual(
    bare.scores.map(({ of }) => of),
    ['a'],
  );
  assert.match(bare.notes.join(), /No features lie beside .*alone\.json/);
  const wide = { ...changed, model: { ...changed.model, ffn: 64 } };
  writeFileSync(alone, JSON.stringify(wide));
  await expectUserError(
    async () => compareDetectors(await openSide(folder), await openSide(alone)),
    /different models.*2 layers of 32 neurons.*2 layers of 64 neurons/,
  );
});
