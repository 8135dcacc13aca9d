import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import jstat from 'jstat';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { type Card, type Explain, ExplainSchema } from '../../report/explain/schema.js';
import { summariseCards } from '../../report/explain/summary.js';
import { downColumns } from '../../weights/columns.js';
import { openGgufWeights } from '../../weights/gguf.js';
import { logitLens, type NeuronEffect } from '../../weights/lens.js';
import { openOutput } from '../../weights/output.js';
import { readCases } from '../cases.js';
import type { RunContext } from '../context.js';
import { checkDetectorModel, type Detector, detectorIdentity } from '../detector.js';
import { hashFile, hashText } from '../fingerprint.js';
import { EXPLAIN_FILE } from '../report-stage.js';
import { readStability, type Stability } from '../stability.js';
import { requireStage } from '../stage.js';
import { describeSystem } from '../system.js';
import { loadHalf } from '../train.js';
import { contextsOf } from './contexts.js';
import { meansOf } from './means.js';
import { type Drive, readDrives } from './peaks.js';
import { readableToken } from './token-text.js';

/** Tokens and contexts shown each way. */
const TOKENS = 12;
const CONTEXTS = 5;

/** What the cards are made from, in the run folder. */
const DRIVES_FILE = 'explain/drives.jsonl';

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

  const lens = await step(emit, 'what they write to the logits', `${flat.length} neurons`, async () => {
    const output = await openOutput(manifest.model.path);
    const columns = downColumns(await openGgufWeights(manifest.model.path), flat);
    const effects = await logitLens(
      output,
      chosen.map(({ layer }, i) => ({ layer, column: columns[i] })),
      {
        count: TOKENS,
        signal,
        onProgress: (done, total) => emit({ type: 'progress', step: 'explain', done, total, unit: 'tokens' }),
      },
    );
    return { output, effects };
  });
  const drives = await step(emit, 'what drives them', `${cases.length} answers`, async () =>
    readDrives({
      engine,
      neurons: flat,
      cases,
      key: hashText(
        [manifest.model.sha256, await hashFile(folder.file('cases.jsonl')), flat.join()].join(' '),
      ),
      path: folder.file(DRIVES_FILE),
      onProgress: (done, total) => emit({ type: 'progress', step: 'explain', done, total, unit: 'answers' }),
    }),
  );
  const means = await meansOf(test, flat, manifest.seed, signal);

  const spell = await tokenSpeller(engine, lens.effects);
  const cards: Card[] = [];
  for (const [i, neuron] of chosen.entries()) {
    const own = drives.map((row) => row[i]);
    const way = mainDirection(own);
    cards.push({
      ...neuron,
      ...way,
      ...tokensOf(lens.effects[i], way.direction, spell),
      ...(await contextsOf(engine, cases, own, CONTEXTS)),
      cett: means[i],
      selected: selectedOf(stability, neuron),
      alone: null,
    });
  }
  const identity = detectorIdentity(detector);
  const all = [...cards, ...(await otherCards(folder.file(EXPLAIN_FILE), identity, cards))];
  all.sort((a, b) => b.weight - a.weight || a.layer - b.layer || a.index - b.index);
  const vocabulary = lens.output.matrix.rows;
  const found = {
    lens: {
      output: lens.output.matrix.tensor,
      tied: lens.output.tied,
      norm: lens.output.norm,
      vocabulary,
      chance: jstat.jStat.normal.inv(0.99 ** (1 / vocabulary), 0, 1),
    },
    benchmark: null,
    cards: all,
  };
  const explained = ExplainSchema.parse({
    schema: 'hneurons/explain',
    version: 1,
    summary: summariseCards(found),
    detector: { identity, hNeurons: detector.neurons.filter(({ weight }) => weight > 0).length },
    model: { name: manifest.model.name, layers: detector.model.layers, ffn: detector.model.ffn },
    ...found,
    answers: {
      read: cases.length,
      faithful: test.cases.filter((one) => one.class === 'faithful').length,
      hallucinated: test.cases.filter((one) => one.class === 'hallucinated').length,
    },
    resamples: stability?.resamples ?? null,
    run: {
      command: ['hneurons', ...manifest.command].join(' '),
      version: context.versions.hneurons,
      seed: manifest.seed,
      system: describeSystem(),
    },
  } satisfies Explain);
  await writeFileAtomic(folder.file(EXPLAIN_FILE), `${JSON.stringify(explained, null, 2)}\n`);
  return { ...explained, cards: explained.cards.filter((card) => cards.some((one) => same(one, card))) };
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

function tokensOf(
  { raised, lowered, mean, deviation }: NeuronEffect,
  direction: 1 | -1,
  spell: (token: number) => string,
): Pick<Card, 'promotes' | 'suppresses'> {
  const list = (effects: NeuronEffect['raised']) =>
    effects.map(({ token, logit }) => ({
      id: token,
      text: spell(token),
      logit: direction * logit,
      // A column of zeros does nothing to any token.
      deviations: deviation > 0 ? (direction * (logit - mean)) / deviation : 0,
    }));
  return direction > 0
    ? { promotes: list(raised), suppresses: list(lowered) }
    : { promotes: list(lowered), suppresses: list(raised) };
}

async function tokenSpeller(
  engine: { pieces(tokens: ArrayLike<number>): Promise<Uint8Array[]> },
  effects: NeuronEffect[],
): Promise<(token: number) => string> {
  const tokens = [
    ...new Set(effects.flatMap(({ raised, lowered }) => [...raised, ...lowered].map(({ token }) => token))),
  ];
  const pieces = await engine.pieces(tokens);
  const texts = new Map(tokens.map((token, i) => [token, readableToken(pieces[i])]));
  return (token) => texts.get(token)!;
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

/** Cards of an earlier run that still hold. */
async function otherCards(path: string, identity: string, made: Card[]): Promise<Card[]> {
  if (!existsSync(path)) return [];
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return [];
  }
  const old = ExplainSchema.safeParse(value);
  if (!old.success || old.data.detector.identity !== identity) return [];
  return old.data.cards.filter((card) => !made.some((one) => same(one, card)));
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
