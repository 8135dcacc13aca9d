import type { Report, ReportContent } from '../../src/report/schema.js';
import { completeReport } from '../../src/report/verdict.js';
import { fitPlatt, plattProbability } from '../../src/stats/calibration.js';
import { compareDistributions } from '../../src/stats/distribution.js';
import { evaluateDetector } from '../../src/stats/evaluate.js';
import { choose, derive, int, type Random, uniform } from '../../src/stats/random.js';

export interface SyntheticOptions {
  seed?: number;
  /** Distance of the class means of the detector's scores, in standard deviations. 0: the detector knows nothing. */
  signal?: number;
  /** The same of the random controls. */
  controlSignal?: number;
  /** Test samples of each class in a relation: the relations get this many, falling to a third of it. */
  perRelation?: number;
  neurons?: number;
  layers?: number;
  ffn?: number;
}

const RELATIONS = [
  ['capital', 'What is the capital of', ['Portugal', 'Burkina Faso', 'Mongolia', 'Vanuatu']],
  ['currency', 'What is the currency of', ['Hungary', 'Bhutan', 'Peru', 'Tonga']],
  ['official language', 'What is the official language of', ['Brazil', 'Laos', 'Ethiopia', 'Andorra']],
  ['top-level domain', 'What is the internet domain of', ['Chad', 'Iceland', 'Tuvalu', 'Estonia']],
  ['calling code', 'What is the telephone calling code of', ['Norway', 'Fiji', 'Ghana', 'Nepal']],
  ['element symbol', 'What is the chemical symbol of', ['tungsten', 'antimony', 'tin', 'hafnium']],
  ['atomic number', 'What is the atomic number of', ['iron', 'xenon', 'radium', 'cobalt']],
  ['region', 'In which region lies', ['Suriname', 'Oman', 'Palau', 'Benin']],
  ['demonym', 'What are the people called who come from', ['Monaco', 'Niger', 'Barbados', 'Kiribati']],
  ['book author', 'Who wrote', ['The Trial', 'Middlemarch', 'Pale Fire', 'Dead Souls']],
  ['birth country', 'In which country was the composer born:', ['Sibelius', 'Dvořák', 'Chopin', 'Ginastera']],
] as const;

/** A report such as a run on a small model gives, made from random scores: the same options give the same report. */
export function syntheticReport(options: SyntheticOptions = {}): Report {
  return completeReport(syntheticContent(options));
}

export function syntheticContent(options: SyntheticOptions = {}): ReportContent {
  const { seed = 1, signal = 1.7, controlSignal = 0.55, perRelation = 14, neurons = 44 } = options;
  const { layers = 18, ffn = 2048 } = options;
  const random = derive(seed, 'synthetic');
  const labels: number[] = [];
  const relations: string[] = [];
  RELATIONS.forEach(([relation], at) => {
    const each = Math.max(1, Math.round(perRelation * (1 - (0.67 * at) / RELATIONS.length)));
    for (let i = 0; i < 2 * each; i++) {
      labels.push(i % 2);
      relations.push(relation);
    }
  });
  const classes = Uint8Array.from(labels);
  const scoresOf = (distance: number) =>
    Float64Array.from(classes, (label) => normal(random) + distance * (label - 0.5));
  // A stream of its own, so that the other figures are as they were.
  const matched = derive(seed, 'synthetic', 'layer-matched');
  const matchedOf = (distance: number) =>
    Float64Array.from(classes, (label) => normal(matched) + distance * (label - 0.5));
  const platt = fitPlatt(scoresOf(signal), classes);
  const test = evaluateDetector({
    scores: scoresOf(signal),
    labels: classes,
    relations,
    controls: Array.from({ length: 10 }, (_, i) => ({ seed: i + 1, scores: scoresOf(controlSignal) })),
    layerMatched: Array.from({ length: 10 }, (_, i) => ({ seed: i, scores: matchedOf(controlSignal) })),
    baselines: [
      { name: 'answer length', description: 'tokens of the answer', kind: 'output', scores: scoresOf(0.35) },
      {
        name: 'sample agreement',
        description: 'share of the samples that differ from the most frequent answer',
        kind: 'output',
        scores: scoresOf(1.1),
      },
      {
        name: 'log-probability',
        description: 'minus the mean log p of the answer tokens',
        kind: 'output',
        scores: scoresOf(0.9),
      },
    ],
    platt,
    seed,
  });
  const weights = Array.from(choose(random, layers * ffn, neurons), (flat) => ({
    layer: Math.floor(flat / ffn),
    index: flat % ffn,
    weight: normal(random) * 0.6 + 0.35,
  })).sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));

  return {
    run: {
      command: 'hneurons find --model gemma-3-270m --out runs/gemma',
      created: '2026-11-23T09:30:00.000Z',
      version: '0.1.0',
      library: 'llama.cpp b7142',
      device: 'CPU, 2 threads',
      system: 'Linux x64, Node 20.20.2',
      seed,
      settings: {
        samples: 10,
        minCorrect: 10,
        maxCorrect: 0,
        temperature: 1,
        topK: 50,
        topP: 0.9,
        maxTokens: 50,
      },
      stages: [
        { name: 'collect', seconds: 252 },
        { name: 'extract', seconds: 41.3 },
        { name: 'train', seconds: 12.8 },
        { name: 'test', seconds: 4.1 },
      ],
    },
    model: {
      name: 'Gemma 3 270M',
      source: 'gemma-3-270m (hf:ggml-org/gemma-3-270m-GGUF)',
      sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
      architecture: 'gemma3',
      quantisation: 'Q4_K_M',
      layers,
      ffn,
      promptStyle: 'few-shot',
    },
    questions: {
      source: 'built-in',
      sha256: '0f343b0931126a20f133d67c2b018a3b5e0b5f2d9cf8a1c2b3f6a9d4c7e8f901',
      total: 3412,
      counts: RELATIONS.flatMap(([relation], at) =>
        (['train', 'test'] as const).map((split) => {
          const kept = test.relations.find((row) => row.relation === relation)!.faithful;
          return {
            split,
            relation,
            faithful: kept + int(random, 6),
            hallucinated: kept + int(random, 40),
            mixed: 8 + int(random, 60),
            uncertain: int(random, 3),
            stopped: int(random, 12) + at,
            kept,
          };
        }),
      ),
    },
    training: {
      mode: '1-vs-1',
      rows: 2 * test.faithful,
      folds: 5,
      grid: [0.01, 0.03, 0.1, 0.3, 1, 3, 10].map((C, i) => ({
        C,
        accuracy: [0.5, 0.71, 0.79, 0.82, 0.815, 0.8, 0.785][i],
        neurons: [0, 9, 25, neurons, Math.round(neurons * 1.6), Math.round(neurons * 2.3), neurons * 3][i],
        hNeurons:
          [0, 7, 18, 0, 48, 64, 80][i] ||
          weights.filter(({ weight }) => weight > 0).length * (i === 3 ? 1 : 0),
        suppressed: [1, 1, 0.99, 0.98, 0.96, 0.71, 0.4][i],
      })),
      score: { questions: 100, unsuppressed: 1 },
      chosen: 0.3,
      rule: 'highest 5-fold accuracy on the training half; of equal ones the sparsest',
    },
    detector: { intercept: -0.12, neurons: weights },
    test,
    ...furtherTests(weights),
    cett: weights.slice(0, 8).map((neuron) => ({
      ...neuron,
      ...compareDistributions(cettValues(random, -neuron.weight), cettValues(random, neuron.weight)),
    })),
    examples: examples(random, platt),
    warnings: ['Relation "birth country" has fewer than 10 test samples in a class; its figures say little.'],
    files: { detector: 'detector.json', report: 'report.html', data: 'report.json' },
  };
}

/** What the further tests of a run might find. */
function furtherTests(neurons: ReportContent['detector']['neurons']): Partial<ReportContent> {
  const around = (estimate: number, reach: number) => ({
    estimate,
    low: estimate - reach,
    high: estimate + reach,
  });
  const figures = (accuracy: number, auroc: number, reach = 0.03) => ({
    accuracy: around(accuracy, reach),
    auroc: around(auroc, reach),
  });
  const overlap = (resamples: number) => ({
    resamples: around(resamples, 0.1),
    detector: around(resamples + 0.08, 0.1),
    splits: around(resamples + 0.05, 0.08),
    chance: 0.0004,
  });
  return {
    beyond: { combined: figures(0.92, 0.97, 0.01), difference: figures(0.001, 0.0004, 0.003) },
    question: {
      samples: 220,
      neurons: 61,
      question: figures(0.6, 0.64),
      answer: figures(0.8, 0.86),
      difference: figures(0.2, 0.22),
    },
    pairs: {
      pairs: 150,
      detector: around(0.65, 0.08),
      answersOnly: around(0.7, 0.07),
      logProbability: around(0.88, 0.05),
    },
    stability: {
      C: 0.3,
      resamples: 20,
      splits: 10,
      size: around(30, 6),
      hNeurons: overlap(0.28),
      all: overlap(0.3),
      neurons: neurons.map(({ layer, index, weight }, i) => {
        const share = Math.max(0.05, 1 - i / 30);
        return { layer, index, weight, positive: weight > 0 ? share : 0, negative: weight > 0 ? 0 : share };
      }),
      clusters: [neurons.slice(0, 4), neurons.slice(4, 6)].map((group) =>
        group.map(({ layer, index }) => ({ layer, index })),
      ),
      substitutes: neurons.slice(0, 5).map(({ layer, index }) => ({
        layer,
        index,
        substitutes: [
          { layer: 3, index: 17, r: 0.91 },
          { layer: 4, index: 99, r: -0.62 },
        ],
      })),
    },
  };
}

function cettValues(random: Random, lean: number): number[] {
  return Array.from({ length: 200 }, () => 0.02 * Math.exp(0.7 * normal(random) + 0.45 * lean));
}

function examples(random: Random, platt: { slope: number; intercept: number }): ReportContent['examples'] {
  const rows: [
    relation: number,
    subject: number,
    label: 'faithful' | 'hallucinated',
    right: string,
    said: string[],
  ][] = [
    [0, 0, 'faithful', 'Lisbon', [' L', 'isbon']],
    [0, 3, 'hallucinated', 'Port Vila', [' Van', 'uat', 'u', ' City']],
    [1, 0, 'faithful', 'forint', [' The', ' Hungarian', ' for', 'int']],
    [5, 3, 'hallucinated', 'Hf', [' H', 'a']],
    [
      9,
      2,
      'hallucinated',
      'Vladimir Nabokov',
      [' William', ' Faulk', 'ner', ',', ' in', ' ', '1', '9', '3', '6'],
    ],
    [2, 0, 'faithful', 'Portuguese', [' Portuguese']],
  ];
  return rows.map(([relation, subject, label, right, said]) => {
    const tokens = said.map((text, i) => ({
      text,
      risk: plattProbability(platt, normal(random) + (label === 'hallucinated' ? 1 : -1)),
      answer: i < 4,
    }));
    return {
      question: `${RELATIONS[relation][1]} ${RELATIONS[relation][2][subject]}?`,
      relation: RELATIONS[relation][0],
      accepted: [right],
      label,
      probability: tokens.reduce((sum, token) => sum + token.risk, 0) / tokens.length,
      tokens,
    };
  });
}

/** Standard normal numbers (Box-Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}

/** Texts that a hostile or merely odd model, question file or GGUF could bring along. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src="https://example.org/x.png" onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style></title></svg><h1>gone</h1>',
  '&lt;b&gt; & &amp; &#x202e;',
  'right \u202Eto left\u202C and \u2066isolated',
  '\u001b[2J\u001b]0;title\u0007 \r\nnext\u0000line\u009b31m',
  'W'.repeat(600),
  '👩‍👩‍👧‍👦🇧🇹 é e\u0301 \ud83d',
  '',
  '   ',
];

/** Characters that steer a terminal or turn the writing direction; line feeds are fine. */
export const STEERING = /[^\P{Cc}\n]|[\u202A-\u202E\u2066-\u2069]/u;

/** The synthetic report with hostile texts in every place that takes text from outside. */
export function hostileReport(): Report {
  const content = syntheticContent();
  const hostile = (at: number) => HOSTILE[at % HOSTILE.length];
  const rename = <T extends { relation: string }>(rows: T[]) =>
    rows.map((row, at) => ({ ...row, relation: hostile(at) }));
  const text = HOSTILE.join(' ');
  return completeReport({
    ...content,
    run: { ...content.run, command: text, device: text, settings: { [text]: text } },
    model: {
      ...content.model,
      name: text,
      source: text,
      architecture: text,
      quantisation: text,
      promptStyle: text,
    },
    questions: { ...content.questions, source: text, counts: rename(content.questions.counts) },
    test: {
      ...content.test,
      relations: rename(content.test.relations),
      baselines: content.test.baselines.map((row, at) => ({ ...row, name: `${hostile(at)} ${at}` })),
    },
    examples: HOSTILE.map((each, at) => ({
      question: each,
      relation: each,
      accepted: [each],
      label: at % 2 === 0 ? ('faithful' as const) : ('hallucinated' as const),
      probability: at / HOSTILE.length,
      tokens: each === '' ? [] : [{ text: each, risk: at / HOSTILE.length, answer: true }],
    })),
    warnings: HOSTILE,
    files: { [text]: text },
  });
}
