import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Engine } from '../../engine/types.js';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { type Card, type Explain, ExplainSchema } from '../../report/explain/schema.js';
import { summariseCards } from '../../report/explain/summary.js';
import { readCases } from '../cases.js';
import type { RunContext } from '../context.js';
import { checkDetectorModel, type Detector, detectorIdentity } from '../detector.js';
import { hashFile, hashText } from '../fingerprint.js';
import { openAnswers } from '../intervene/answers.js';
import { trainedQuestions } from '../intervene/prepare.js';
import { EXPLAIN_FILE } from '../report-stage.js';
import { readStability, type Stability } from '../stability.js';
import { requireStage } from '../stage.js';
import { describeSystem } from '../system.js';
import { loadHalf } from '../train.js';
import { measureAlone } from './alone.js';
import { contextsOf } from './contexts.js';
import { tokenEffects } from './effects.js';
import { meansOf } from './means.js';
import { type Drive, readDrives } from './peaks.js';

/** Contexts listed each way. */
const CONTEXTS = 5;

/** What the cards are made from, in the run folder. */
const DRIVES_FILE = 'explain/drives.jsonl';
const ANSWERS_FILE = 'explain/answers.jsonl';

export interface Place {
  layer: number;
  index: number;
}

export interface ExplainInput {
  detector: Detector;
  /** These neurons, whether the detector has them or not; default: its H-Neurons. */
  named?: Place[];
  /** Of the H-Neurons the strongest only. */
  neurons?: number;
  /** Items on which each neuron is switched off alone; 0: none is. */
  items: number;
}

/**
 * What neurons do: a card for each, written to `explain.json` of the run. Cards that are there, of the same detector and of
 * other neurons, are kept.
 * @throws UserError when extract is not done, the detector has no H-Neuron, or a named neuron does not exist.
 */
export async function explain(context: RunContext, input: ExplainInput): Promise<Explain> {
  const { folder, emit, signal } = context;
  const { detector } = input;
  const { manifest } = folder;
  requireStage(folder, 'extract');
  checkDetectorModel(detector, manifest.model, false);
  const chosen = choose(input);
  const flat = chosen.map(({ layer, index }) => layer * detector.model.ffn + index);
  const cases = await readCases(folder.file('cases.jsonl'));
  const test = await loadHalf(folder, 'test');
  const stability = await stabilityOf(folder.file('stability.json'));
  const engine = await context.engine();

  const progress = (unit: string) => (done: number, total: number) =>
    emit({ type: 'progress', step: 'explain', done, total, unit });

  const effects = await step(emit, 'what they write to the logits', `${flat.length} neurons`, () =>
    tokenEffects(engine, manifest.model.path, flat, { signal, onProgress: progress('tokens') }),
  );
  const drives = await step(emit, 'what drives them', `${cases.length} answers`, async () =>
    readDrives({
      engine,
      neurons: flat,
      cases,
      key: hashText(`${manifest.model.sha256} ${await hashFile(folder.file('cases.jsonl'))}`),
      path: folder.file(DRIVES_FILE),
      onProgress: progress('answers'),
    }),
  );
  const means = await meansOf(test, flat, manifest.seed, signal);
  const switched = input.items > 0 ? await switchOff(context, input, engine, flat) : undefined;
  const old = await earlier(folder.file(EXPLAIN_FILE), detectorIdentity(detector));

  const cards: Card[] = [];
  for (const [i, neuron] of chosen.entries()) {
    const own = drives.map((row) => row[i]);
    const way = mainDirection(own);
    cards.push({
      ...neuron,
      ...way,
      ...effects.of(i, way.direction),
      ...(await contextsOf(engine, cases, own, CONTEXTS)),
      cett: means[i],
      selected: selectedOf(stability, neuron),
      alone: switched?.alone[i] ?? old?.cards.find((card) => same(card, neuron))?.alone ?? null,
    });
  }
  const isNew = (card: Card) => cards.some((one) => same(one, card));
  const explained = describe(context, {
    detector,
    lens: effects.lens,
    benchmark: switched?.benchmark ?? old?.benchmark ?? null,
    cards: [...cards, ...(old?.cards ?? []).filter((card) => !isNew(card))],
    answers: {
      read: cases.length,
      faithful: test.cases.filter((one) => one.class === 'faithful').length,
      hallucinated: test.cases.filter((one) => one.class === 'hallucinated').length,
    },
    resamples: stability?.resamples ?? null,
  });
  await writeFileAtomic(folder.file(EXPLAIN_FILE), `${JSON.stringify(explained, null, 2)}\n`);
  return { ...explained, cards: explained.cards.filter(isNew) };
}

/** `explain.json`: the cards, strongest first, with what they were made from. */
function describe(
  { folder, versions }: RunContext,
  {
    detector,
    ...found
  }: Pick<Explain, 'lens' | 'benchmark' | 'cards' | 'answers' | 'resamples'> & { detector: Detector },
): Explain {
  const { model, command, seed } = folder.manifest;
  const cards = [...found.cards].sort(
    (a, b) => b.weight - a.weight || a.layer - b.layer || a.index - b.index,
  );
  return ExplainSchema.parse({
    schema: 'hneurons/explain',
    version: 1,
    summary: summariseCards({ ...found, cards }),
    detector: {
      identity: detectorIdentity(detector),
      hNeurons: detector.neurons.filter(({ weight }) => weight > 0).length,
    },
    model: { name: model.name, layers: detector.model.layers, ffn: detector.model.ffn },
    ...found,
    cards,
    run: {
      command: ['hneurons', ...command].join(' '),
      version: versions.hneurons,
      seed,
      system: describeSystem(),
    },
  } satisfies Explain);
}

const same = (a: Place, b: Place) => a.layer === b.layer && a.index === b.index;

function choose({ detector, named, neurons }: ExplainInput): (Place & { weight: number })[] {
  const { layers, ffn } = detector.model;
  if (named) {
    return named
      .filter((one, i) => named.findIndex((other) => same(one, other)) === i)
      .map(({ layer, index }) => {
        if (layer >= layers || index >= ffn) {
          throw new UserError(
            `there is no neuron ${layer}:${index}: this model has layers 0 to ${layers - 1} of neurons 0 to ${ffn - 1}`,
            { exitCode: 2 },
          );
        }
        const weight = detector.neurons.find((one) => same(one, { layer, index }))?.weight ?? 0;
        return { layer, index, weight };
      });
  }
  const positive = detector.neurons.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  if (positive.length === 0) {
    throw new UserError(
      'the detector has no H-Neuron; name the neurons to explain with --neuron LAYER:INDEX',
    );
  }
  return positive.slice(0, neurons);
}

/** The sign that the activation mostly has on answer tokens, and which share of its CETT there has it. */
function mainDirection(drives: Drive[]): Pick<Card, 'direction' | 'agreement'> {
  const signed = drives.reduce((total, drive) => total + drive.signed, 0);
  const sum = drives.reduce((total, drive) => total + drive.sum, 0);
  return {
    direction: signed < 0 ? -1 : 1,
    agreement: sum > 0 ? Math.min(1, (1 + Math.abs(signed) / sum) / 2) : 1,
  };
}

async function stabilityOf(path: string): Promise<Stability | undefined> {
  return existsSync(path) ? readStability(path) : undefined;
}

function selectedOf(stability: Stability | undefined, neuron: Place): Card['selected'] {
  if (!stability) return null;
  const found = stability.neurons.find((one) => same(one, neuron));
  if (found) return { positive: found.positive, negative: found.negative };
  // The list is cut only where it is very long; a neuron that is not in a whole list was never chosen.
  return stability.unlisted === 0 ? { positive: 0, negative: 0 } : null;
}

async function switchOff(
  { folder, emit }: RunContext,
  { detector, items }: ExplainInput,
  engine: Engine,
  neurons: number[],
) {
  const { model, seed } = folder.manifest;
  const store = await openAnswers(folder.file(ANSWERS_FILE), model.sha256, seed);
  const progress = (unit: string) => (done: number, total: number) =>
    emit({ type: 'progress', step: 'explain', done, total, unit });
  try {
    return await step(emit, 'each switched off alone', `${neurons.length} neurons`, async () =>
      measureAlone({
        engine,
        store,
        neurons,
        trained: await trainedQuestions(folder.path),
        promptKind: detector.promptStyle,
        count: items,
        seed,
        onFacts: progress('facts'),
        onAnswer: progress('answers'),
      }),
    );
  } catch (error) {
    // Whatever else went wrong will go wrong again in what follows; the other parts of the cards stand without this one.
    if (!(error instanceof UserError)) throw error;
    emit({ type: 'note', message: `No neuron is switched off alone: ${error.message}` });
    return undefined;
  } finally {
    store.close();
  }
}

/** What an earlier run found, where it still holds. */
async function earlier(path: string, identity: string): Promise<Explain | undefined> {
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
  const old = ExplainSchema.safeParse(value);
  return old.success && old.data.detector.identity === identity ? old.data : undefined;
}

/** Shows a part of the work as a step of its own. */
async function step<T>(
  emit: RunContext['emit'],
  label: string,
  summary: string,
  work: () => Promise<T>,
): Promise<T> {
  emit({ type: 'start', step: 'explain', label });
  const began = performance.now();
  const result = await work();
  emit({ type: 'end', step: 'explain', seconds: (performance.now() - began) / 1000, summary });
  return result;
}
