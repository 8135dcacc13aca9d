import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { greedy } from '../../src/intervene/types.js';
import { openAnswers, PLAIN, type Questionnaire } from '../../src/pipeline/intervene/answers.js';
import { passageLikelihood } from '../../src/pipeline/intervene/cost.js';
import { type NeuronSet, neuronSets } from '../../src/pipeline/intervene/neuron-sets.js';
import { openTiny, someTokens } from '../support/engines.js';
import { forward } from '../support/forward.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

it('controls are of equal size, hold no neuron of the detector, and the matched ones have its layers and scale', () => {
  const [layers, ffn] = [4, 200];
  const means = Float32Array.from({ length: layers * ffn }, (_, i) => Math.exp(((i * 7919) % 97) / 20));
  const hNeurons = [3, 40, 205, 206, 700, 799];
  const excluded = new Set([...hNeurons, 5, 6]);
  const sets = neuronSets({ hNeurons, excluded, means, ffn, random: 4, matched: 4, seed: 1 });
  assert.deepEqual(
    sets.map(({ kind }) => kind),
    ['h-neurons', ...Array(4).fill('random'), ...Array(4).fill('layer-matched')],
  );
  const layersOf = ({ neurons }: NeuronSet) => Array.from(neurons, (flat) => Math.floor(flat / ffn));
  const [own, ...controls] = sets;
  for (const set of controls) {
    assert.equal(set.neurons.length, hNeurons.length);
    assert.ok(
      set.neurons.every((flat) => !excluded.has(flat)),
      set.name,
    );
  }
  const matched = controls.filter(({ kind }) => kind === 'layer-matched');
  for (const set of matched) {
    assert.deepEqual(layersOf(set), layersOf(own));
    assert.ok(Math.abs(set.cett / own.cett - 1) < 0.05, `${set.cett} ${own.cett}`);
  }
  assert.notDeepEqual(matched[0].neurons, matched[1].neurons);
  const again = neuronSets({ hNeurons, excluded, means, ffn, random: 4, matched: 4, seed: 1 });
  assert.deepEqual(again, sets);
});

it('no alpha leaks into another, what is known is not asked again, and an unfinished line is', async () => {
  const { engine, tiny } = await openTiny(folder, { architecture: 'llama' });
  const { ffn, layers, vocab } = tiny.config;
  const set: NeuronSet = {
    name: 'h-neurons',
    kind: 'h-neurons',
    neurons: Uint32Array.from({ length: layers * 8 }, (_, i) => Math.floor(i / 8) * ffn + (i % 8)),
    cett: 1,
  };
  const questionnaire: Questionnaire = {
    benchmark: 'b',
    sampling: greedy(6),
    stop: [],
    // They share a beginning, which must be run anew for each alpha.
    items: [1, 2, 3].map((seed) => ({
      id: `item ${seed}`,
      text: `prompt ${seed}`,
      prompt: Int32Array.from([...someTokens(6, vocab, 9), ...someTokens(3, vocab, seed)]),
    })),
  };
  const path = join(folder, 'answers.jsonl');
  const ask = async (store: Awaited<ReturnType<typeof openAnswers>>, alpha: number) =>
    (await store.ask(engine, questionnaire, alpha === 1 ? PLAIN : { set, alpha })).map(({ text }) => text);

  const store = await openAnswers(path, 'sha', 1);
  const first: Record<number, string[]> = {};
  for (const alpha of [3, 0, 1, 2]) first[alpha] = await ask(store, alpha);
  store.close();
  assert.notDeepEqual(first[0], first[3], 'the intervention must show for the test to tell');

  // Greedy decoding by a plain forward pass in TypeScript.
  for (const alpha of [0, 1, 3]) {
    for (const [i, { prompt }] of questionnaire.items.entries()) {
      const tokens = [...prompt];
      for (let step = 0; step < 3; step++) {
        const { logits } = forward(tiny, tokens, { steering: { neurons: Array.from(set.neurons), alpha } });
        const last = logits.subarray((tokens.length - 1) * vocab);
        tokens.push(last.indexOf(Math.max(...last)));
      }
      const text = await engine.detokenize(tokens.slice(prompt.length));
      assert.ok(
        first[alpha][i].startsWith(text) || text.startsWith(first[alpha][i]),
        `alpha ${alpha}, item ${i}`,
      );
    }
  }

  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.equal(lines.length, 12);
  // A process killed while it wrote the last line.
  writeFileSync(path, `${lines.slice(0, -1).join('\n')}\n${lines[11].slice(0, 20)}`);
  const reopened = await openAnswers(path, 'sha', 1);
  assert.equal(reopened.known(questionnaire, PLAIN), 3);
  let asked = 0;
  const texts = await reopened.ask(engine, questionnaire, { set, alpha: 2 }, () => asked++);
  assert.deepEqual(
    texts.map(({ text }) => text),
    first[2],
  );
  assert.equal(asked, 1);
  reopened.close();
  const other = await openAnswers(path, 'another model', 1);
  assert.equal(other.known(questionnaire, PLAIN), 0);
  other.close();
});

it('the likelihood of fixed text under an intervention is that of a plain forward pass', async () => {
  const { engine, tiny } = await openTiny(folder, { architecture: 'qwen2' });
  const { ffn, vocab } = tiny.config;
  const neurons = Uint32Array.from([1, 2, 3, ffn + 4]);
  const set: NeuronSet = { name: 's', kind: 'random', neurons, cett: 1 };
  const found = await passageLikelihood(engine, { set, alpha: 0 });
  const plain = await passageLikelihood(engine, PLAIN);
  const { PASSAGES } = await import('../../src/intervene/fixed-text.js');
  const [tokens] = await engine.tokenize([PASSAGES[0]], { special: false, bos: true });
  const likelihood = (alpha: number) => {
    const { logits } = forward(tiny, Array.from(tokens), {
      steering: { neurons: Array.from(neurons), alpha },
    });
    let sum = 0;
    for (let t = 0; t + 1 < tokens.length; t++) {
      const row = logits.subarray(t * vocab, (t + 1) * vocab);
      const most = Math.max(...row);
      sum +=
        row[tokens[t + 1]] - most - Math.log(row.reduce((total, one) => total + Math.exp(one - most), 0));
    }
    return sum / (tokens.length - 1);
  };
  assert.ok(Math.abs(found[0] - likelihood(0)) < 2e-3, `${found[0]} ${likelihood(0)}`);
  assert.ok(Math.abs(plain[0] - likelihood(1)) < 2e-3);
  assert.ok(Math.abs(found[0] - plain[0]) > 1e-4);
});
