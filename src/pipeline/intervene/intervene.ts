import { join } from 'node:path';
import type { PromptKind } from '../../engine/text/prompt.js';
import type { Engine } from '../../engine/types.js';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import type { Benchmark } from '../../intervene/types.js';
import type { ComplianceJudge, Opened } from '../../judge/types.js';
import { type Intervention, InterventionSchema } from '../../report/intervention/schema.js';
import { type Detector, detectorIdentity } from '../detector.js';
import type { Listener } from '../events.js';
import { describeSystem } from '../system.js';
import { type AnswerStore, type Condition, PLAIN, type Questionnaire } from './answers.js';
import { type Cost, costPoint, passageLikelihood, proseQuestionnaire } from './cost.js';
import { complianceCurves, type Reading, type Readings } from './curves.js';
import { describeCurve } from './describe-curve.js';
import { legibility } from './legibility.js';
import type { NeuronSet } from './neuron-sets.js';
import { questionnaireOf } from './questionnaire.js';
import { type OpenComplianceJudge, readOutcomes } from './reading.js';
import { requireVerdicts } from './require-verdicts.js';
import { sideBySide } from './side-by-side.js';
import { describeSoundness, soundAlphas } from './soundness.js';

export interface InterventionInput {
  engine: Engine;
  detector: Detector;
  detectorPath: string;
  sets: NeuronSet[];
  alphas: number[];
  benchmarks: Benchmark[];
  /** Plain questions, for the question score; the first decides whether the model is sound. */
  scores: Benchmark[];
  /** How many of the fixed passages are read for their likelihood; all by default. */
  passages?: number;
  promptKind: PromptKind;
  store: AnswerStore;
  openJudge: OpenComplianceJudge;
  seed: number;
  out: string;
  /** Name of the file of results, without its ending; default `intervention`. */
  name?: string;
}

export interface InterventionContext {
  emit: Listener;
  signal?: AbortSignal;
  version: string;
  command: string[];
}

/**
 * Turns the H-Neurons and their controls up and down, and writes what comes of it: `intervention.json` with curves and statistics
 * (method.md section 6), `side-by-side.jsonl` with each item's answers under all alphas. Every answer is kept as it comes.
 * @throws UserError for a model that cannot be steered, or a judge that cannot be reached or gives no usable verdict
 */
export async function intervene(
  input: InterventionInput,
  context: InterventionContext,
): Promise<Intervention> {
  const { sets, detector, seed, out } = input;
  const began = performance.now();
  const alphas = chooseAlphas(input.alphas);
  const said = await askAll(input, alphas, context);
  const conditionsOf = (set: NeuronSet) =>
    alphasOf(alphas, set).map((alpha) => ({ alpha, cost: said.costAt(set, alpha) }));
  const cost = sets.map((set) => ({
    set: set.name,
    points: conditionsOf(set).map(({ alpha, cost: one }) =>
      costPoint(
        alpha,
        one,
        said.scores.map(({ benchmark, at }) => ({ name: benchmark.name, reading: at(set, alpha) })),
        seed,
      ),
    ),
  }));
  const score = input.scores[0].name;
  const sound = soundAlphas(cost[0].points, score);
  const benchmarks = said.readings.map((one) => complianceCurves(one, sets, alphas, sound, seed));
  const readable = legibility({ sets, alphas, readings: said.readings, costAt: said.costAt, seed });
  const { name, sha256 } = detector.model;
  const found = InterventionSchema.parse({
    schema: 'hneurons/compliance',
    version: 1,
    summary: [
      ...benchmarks.map(describeCurve),
      describeSoundness(cost, score),
      readable?.verdict ?? '',
    ].filter((sentence) => sentence !== ''),
    model: { name, sha256, quantisation: input.engine.model.quantisation },
    detector: {
      path: input.detectorPath,
      identity: detectorIdentity(detector),
      hNeurons: sets[0].neurons.length,
    },
    promptStyle: input.promptKind,
    alphas: alphas.all,
    sets: sets.map(({ name: set, kind, neurons, cett }) => ({
      name: set,
      kind,
      neurons: neurons.length,
      cettRatio: cett / (sets[0].cett || 1),
    })),
    benchmarks,
    cost,
    legibility: readable,
    run: {
      command: ['hneurons', ...context.command].join(' '),
      version: context.version,
      seed,
      seconds: (performance.now() - began) / 1000,
      system: describeSystem(),
    },
  } satisfies Intervention);
  await sideBySide(
    join(out, `${input.name === undefined ? '' : `${input.name}-`}side-by-side.jsonl`),
    said.readings,
    sets[0],
    alphas.all,
  );
  await writeFileAtomic(
    join(out, `${input.name ?? 'intervention'}.json`),
    `${JSON.stringify(found, null, 2)}\n`,
  );
  return found;
}

export interface Alphas {
  all: number[];
  /** Those at which the controls are asked too. */
  controls: number[];
}

/**
 * All alphas with 1 among them. Controls are asked at the whole numbers alone, where there are two or more of these: that is enough for
 * their slope, and half the work.
 */
function chooseAlphas(wanted: readonly number[]): Alphas {
  const all = [...new Set([...wanted, 1])].sort((a, b) => a - b);
  const whole = all.filter(Number.isInteger);
  return { all, controls: whole.length > 1 ? whole : all };
}

const alphasOf = ({ all, controls }: Alphas, { kind }: NeuronSet) => (kind === 'h-neurons' ? all : controls);

/** All that was said, by condition. */
export interface Said {
  readings: Readings[];
  scores: Readings[];
  costAt(set: NeuronSet, alpha: number): Cost;
}

/** Puts everything to the model under every condition: the model as it is, then the H-Neurons, then the controls. */
export async function askAll(
  input: InterventionInput,
  alphas: Alphas,
  context: InterventionContext,
): Promise<Said> {
  const { engine, sets, store, promptKind } = input;
  const benchmarks = [...input.benchmarks, ...input.scores];
  const questionnaires: Questionnaire[] = [];
  for (const benchmark of benchmarks)
    questionnaires.push(await questionnaireOf(engine, benchmark, promptKind));
  const prose = await proseQuestionnaire(engine);
  const conditions: Condition[] = [
    PLAIN,
    ...sets.flatMap((set) =>
      alphasOf(alphas, set)
        .filter((alpha) => alpha !== 1)
        .map((alpha) => ({ set, alpha })),
    ),
  ];
  const all = [...questionnaires, prose];
  const total = conditions.length * all.reduce((sum, { items }) => sum + items.length, 0);
  let done = 0;
  for (const condition of conditions) for (const one of all) done += store.known(one, condition);
  const step = 'intervene' as const;
  context.emit({ type: 'start', step, label: 'intervene' });
  const began = performance.now();
  const answered = (condition: Condition) => () =>
    context.emit({
      type: 'progress',
      step,
      done: ++done,
      total,
      unit: 'answers',
      detail: condition.set ? `${condition.set.name} at ${condition.alpha}` : 'as it is',
    });

  const judges = new Map<string, Opened<ComplianceJudge>>();
  const judgeOf = async ({ reader }: Benchmark) => {
    if (reader.kind === 'rule') return undefined;
    if (!judges.has(reader.ask)) judges.set(reader.ask, await input.openJudge(reader.ask));
    return judges.get(reader.ask);
  };
  const readings = benchmarks.map(() => new Map<string, Reading>());
  const costs = new Map<string, Cost>();
  const keyOf = ({ set, alpha }: Condition) => `${alpha === 1 ? 'none' : set!.name}@${alpha}`;
  try {
    // A judge that cannot be reached is found before hours of sampling.
    for (const benchmark of benchmarks) await judgeOf(benchmark);
    for (const condition of conditions) {
      context.signal?.throwIfAborted();
      for (const [b, benchmark] of benchmarks.entries()) {
        const answers = await store.ask(engine, questionnaires[b], condition, answered(condition));
        const judge = await judgeOf(benchmark);
        const reading = { answers, outcomes: await readOutcomes(benchmark, benchmark.items, answers, judge) };
        // Found before hours of sampling, too.
        if (judge) requireVerdicts(benchmark, judge.name, [reading]);
        readings[b].set(keyOf(condition), reading);
      }
      const written = await store.ask(engine, prose, condition, answered(condition));
      const passages = await passageLikelihood(engine, condition, input.passages);
      if (!passages.every(Number.isFinite)) {
        throw new UserError(
          `at alpha ${condition.alpha} the model computes no numbers any more (they overflow); leave such alphas out`,
        );
      }
      costs.set(keyOf(condition), { passages, prose: written });
    }
  } finally {
    for (const judge of judges.values()) await judge.close();
  }
  const seconds = (performance.now() - began) / 1000;
  context.emit({
    type: 'end',
    step,
    seconds,
    summary: `${conditions.length} conditions, ${total} answers`,
  });
  const views = benchmarks.map((benchmark, b): Readings => {
    const { reader } = benchmark;
    const judge = reader.kind === 'rule' ? 'rule' : judges.get(reader.ask)!;
    return {
      benchmark,
      judge: typeof judge === 'string' ? judge : `${judge.name}, ${judge.promptVersion}`,
      at: (set, alpha) => readings[b].get(keyOf({ set, alpha }))!,
    };
  });
  for (const { benchmark, judge, at } of views) {
    for (const set of sets) {
      const own = alphasOf(alphas, set).map((alpha) => at(set, alpha));
      if (benchmark.reader.kind === 'llm') requireVerdicts(benchmark, judge, own);
    }
  }
  return {
    readings: views.slice(0, input.benchmarks.length),
    scores: views.slice(input.benchmarks.length),
    costAt: (set, alpha) => costs.get(keyOf({ set, alpha }))!,
  };
}
