import { type Card, type Context, type Explain, ExplainSchema } from '../../src/report/explain/schema.js';

/** Cards such as a run gives; `texts` stand for tokens, questions and answers in turn. */
export function someExplain(count: number, texts = ['Paris', '␣the', 'What is it?', '↵']): Explain {
  let at = 0;
  const text = () => texts[at++ % texts.length];
  const around = (estimate: number) => ({ estimate, low: estimate * 0.9, high: estimate * 1.1 });
  const context = (label: Context['label'], cett: number): Context => ({
    id: text(),
    question: text(),
    answer: text(),
    label,
    split: 'test',
    before: text(),
    marked: text(),
    after: text(),
    where: 'response',
    cett,
    positive: true,
  });
  const tokens = (sign: number) =>
    Array.from({ length: 12 }, (_, i) => ({
      id: i,
      text: text(),
      logit: sign * (2 - i / 10),
      deviations: sign * (6 - i / 10),
    }));
  const cards = Array.from(
    { length: count },
    (_, i): Card => ({
      layer: i,
      index: 100 + i,
      weight: i === count - 1 ? 0 : 20 - i,
      direction: 1,
      agreement: i % 2 === 0 ? 0.99 : 0.6,
      promotes: tokens(1),
      suppresses: tokens(-1),
      most: Array.from({ length: 5 }, (_, n) => context('hallucinated', 0.5 - n / 100)),
      least: Array.from({ length: 5 }, (_, n) => context('faithful', 0.01 + n / 1000)),
      cett: { faithful: around(0.02), hallucinated: around(0.03), other: i === 1 ? null : around(0.01) },
      selected: i === 1 ? null : { positive: 0.75, negative: 0 },
      alone:
        i === 2
          ? null
          : {
              items: 40,
              complies: { estimate: 0.3, low: 0.2, high: 0.45 },
              gained: 1,
              lost: 3,
              change: { estimate: -0.05, low: -0.15, high: 0.05 },
              p: 0.63,
            },
    }),
  );
  return ExplainSchema.parse({
    schema: 'hneurons/explain',
    version: 1,
    summary: text(),
    detector: { identity: 'x', hNeurons: count + 3 },
    model: { name: text(), layers: 18, ffn: 2048 },
    lens: { output: 'token_embd.weight', tied: true, norm: 'rms', vocabulary: 262_144, chance: 5.4 },
    answers: { read: 790, faithful: 200, hallucinated: 200 },
    resamples: 20,
    benchmark: {
      name: 'counterfactual context',
      items: 40,
      complies: { estimate: 0.35, low: 0.22, high: 0.5 },
    },
    cards,
    run: { command: 'hneurons explain', version: '0.1.0', seed: 1, system: 'Linux' },
  } satisfies Explain);
}
