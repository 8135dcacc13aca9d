import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import { shortNames } from '../../src/report/figures/short-names.js';
import { renderOrigin } from '../../src/report/origin/html.js';
import type { Origin } from '../../src/report/origin/schema.js';
import { summariseOrigin } from '../../src/report/origin/summary.js';
import { someDrift, someOrigin, someTransfer } from '../support/origin.js';

const words = (known: Partial<Origin>) =>
  summariseOrigin({ drift: null, transfer: null, emergence: null, ...known });
const drift = (known: Parameters<typeof someDrift>[0]) => words({ drift: someDrift(known) });
const transfer = (...known: Parameters<typeof someTransfer>) => words({ transfer: someTransfer(...known) });

test('drift has three outcomes: less, more, and what cannot be told', () => {
  assert.match(drift({ p: 0.01 }), /^H-Neurons moved less .*p = \.01, also when the size/);
  assert.match(drift({ p: 0.01, withoutNorms: 0.3 }), /, but that cannot be told when the size/);
  assert.match(
    drift({ p: 0.4, rank: 0.52, welch: 0.4 }),
    /^Whether H-Neurons moved less than neurons of the same layers cannot be told: .*one-sided p = \.40\.$/,
  );
  assert.match(drift({ p: 0.4, welch: 0.01 }), /cannot be told.* may be due to their layers/);
  assert.match(drift({ p: 1, rank: 0.2 }), /^H-Neurons moved more, not less, .*one-sided p = 1\.00/);
});

test('an interval that holds one half says nothing either way', () => {
  assert.match(transfer(0.45, 0.7), /cannot be told from guessing: AUROC \.5\d \(\.45–\.70\)/);
  assert.match(transfer(0.2, 0.4), /points the wrong way/);
  assert.match(transfer(0.6, 0.8), /^The detector carries over to the base model: [^,]*;/);
});

test('random neurons are named as they were drawn', () => {
  assert.match(
    transfer(0.6, 0.8, { kind: 'layerMatched' }),
    /carries over.*drawn at random from the same layers/,
  );
  const random = transfer(0.6, 0.8, { kind: 'random' });
  assert.match(random, /carries over.*drawn at random \.52/);
  assert.doesNotMatch(random, /same layers/);
  const close = transfer(0.6, 0.8, { kind: 'random', beats: [-0.1, 0.2] });
  assert.match(close, /better than guessing .*but cannot be told from neurons drawn at random \(\.52\)/);
});

const series = (count: number, known: (step: number) => Partial<NonNullable<Origin['emergence']>[number]>) =>
  Array.from({ length: count }, (_, step) => ({
    checkpoint: `pythia-70m-deduped-step${1000 * (step + 1)}`,
    drift: null,
    driftNote: null,
    transfer: null,
    transferNote: null,
    ...known(step),
  }));

test('a series is summed up by its ends, from what it has', () => {
  const emergence = series(3, (step) => ({ drift: someDrift({ rank: 0.5 + step / 10 }) }));
  assert.equal(
    words({ emergence }),
    'Along the series the mean rank of the H-Neurons goes from .50 at pythia-70m-deduped-step1000 to .70 at pythia-70m-deduped-step3000.',
  );
});

function pageOf(emergence: Origin['emergence'], known: Partial<Origin> = {}) {
  const { document } = parseHTML(renderOrigin(someOrigin({ ...known, emergence })));
  return {
    figure: (id: string) => document.querySelector(`figure#${id}`),
    labels: (id: string) =>
      [...document.querySelectorAll(`#${id} .wide svg text`)].map(({ textContent }) => textContent),
    notes: [...document.querySelectorAll('p.note')].map(({ textContent }) => textContent),
    text: document.body.textContent ?? '',
  };
}

test('the figures of a series name the checkpoints by what differs', () => {
  const page = pageOf(series(4, () => ({ drift: someDrift(), transfer: someTransfer(0.6, 0.8) })));
  for (const id of ['emergence', 'emergence-drift']) {
    for (const step of ['step1000', 'step2000', 'step3000', 'step4000']) {
      assert.ok(page.labels(id).includes(step), `${id}: ${page.labels(id)}`);
    }
  }
});

test('without transfer there is no figure of it, and the drift is drawn all the same', () => {
  const page = pageOf(series(3, () => ({ drift: someDrift() })));
  assert.equal(page.figure('emergence'), null);
  assert.ok(page.figure('emergence-drift'));
  assert.doesNotMatch(page.text, /too few questions/);
});

test('every checkpoint without a point has its reason, those of one reason together', () => {
  const none = 'The base model is a checkpoint that llama.cpp cannot run.';
  const same = 'Both are the same file.';
  const emergence = series(3, (step) =>
    step < 2 ? { drift: someDrift(), transferNote: none } : { driftNote: same, transferNote: none },
  );
  const { notes } = pageOf(emergence, { driftNote: same, transferNote: none });
  const names = emergence.map(({ checkpoint }) => checkpoint);
  assert.ok(notes.includes(`${names.join(', ')}: ${none}`));
  assert.ok(notes.includes(`${names[2]}: ${same}`));
  assert.equal(notes.filter((note) => note?.includes(none)).length, 1);
});

test('short names can be told apart', () => {
  assert.deepEqual(shortNames(['pythia-70m-step10', 'pythia-70m-step20']), ['step10', 'step20']);
  assert.deepEqual(shortNames(['step1/model', 'step2/model']), ['step1', 'step2']);
  assert.deepEqual(shortNames(['model', 'model-step1']), ['model', 'model-step1']);
  assert.deepEqual(shortNames(['pythia@step1', 'pythia@step1000']), ['step1', 'step1000']);
  assert.deepEqual(shortNames(['a', 'a']), ['a', 'a']);
  assert.deepEqual(shortNames(['one-checkpoint']), ['one-checkpoint']);
  const long = ['an-uncommonly-long-name-1', 'xn-uncommonly-long-name-2'];
  assert.deepEqual(shortNames(long), ['an-uncommonly-l…', 'xn-uncommonly-l…']);
  const alike = ['anuncommonlylongname1', 'anuncommonlylongname2'];
  assert.deepEqual(shortNames(alike), alike);
});
