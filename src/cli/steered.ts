import { dirname, join } from 'node:path';
import type { PromptKind } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import type { KnownFact } from '../intervene/facts.js';
import type { Detector } from '../pipeline/detector.js';
import type { Listener } from '../pipeline/events.js';
import type { AnswerStore } from '../pipeline/intervene/answers.js';
import type { NeuronSet } from '../pipeline/intervene/neuron-sets.js';
import type { Question } from '../questions/types.js';
import { DEFAULT_MODEL, type EngineFlags } from './options.js';
import { findModel, type Session, withEngine } from './session.js';

/** So many facts as they come for each that the model knows: many of them it does not. */
const ANY_FACTS = 2;

/** A loaded model with its detector, facts that it knows, and the neuron sets to scale. */
export interface Steered {
  engine: Engine;
  detector: Detector;
  detectorPath: string;
  promptKind: PromptKind;
  facts: KnownFact[];
  /** Facts as they come, whether the model knows them or not: what it knows can rise among them as well as fall. */
  anyFacts: Question[];
  sets: NeuronSet[];
  store: AnswerStore;
  seed: number;
  /** Ids of the questions that the detector was trained on. */
  trained: ReadonlySet<string>;
}

export interface SteeredFlags extends EngineFlags {
  detector: string;
  model?: string;
  controls: { random: number; matched: number };
  items: number;
  promptStyle?: PromptKind;
  seed?: number;
  force?: boolean;
  out: string;
}

/**
 * Opens all that an intervention works with, lends it to `work`, and closes it. No other command writes into the folder of results
 * meanwhile.
 * @throws UserError for a detector that cannot be read, has no H-Neuron or is of another model; a folder that is in use; a model that
 *   knows too few of the built-in facts
 */
export async function openSteered<T>(
  session: Session,
  flags: SteeredFlags,
  emit: Listener,
  work: (steered: Steered) => Promise<T>,
): Promise<T> {
  const { readDetector, checkDetectorModel, requireHNeurons } = await import('../pipeline/detector.js');
  const { lock, readManifest } = await import('../pipeline/run-folder.js');
  const { identifyModel } = await import('../pipeline/run.js');
  const { DEFAULT_SEED } = await import('../pipeline/settings.js');
  const { openAnswers } = await import('../pipeline/intervene/answers.js');
  const { knownFacts, separateFacts } = await import('../pipeline/intervene/known.js');
  const { prepareSets, trainedQuestions } = await import('../pipeline/intervene/prepare.js');
  const { builtinQuestions } = await import('../questions/builtin.js');

  const detector = await readDetector(flags.detector);
  requireHNeurons(detector);
  const home = dirname(flags.detector);
  const manifest = readManifest(home);
  const seed = flags.seed ?? manifest?.seed ?? DEFAULT_SEED;
  const found = await findModel(session, flags.model ?? manifest?.model.path ?? DEFAULT_MODEL, emit);
  const { identity } = await identifyModel(found, session.environment, session.signal);
  checkDetectorModel(detector, identity, flags.force ?? false);
  const promptKind = flags.promptStyle ?? detector.promptStyle;
  const trained = await trainedQuestions(home);
  // Behind all that a detector is refused for, which leaves no folder; before the model is loaded, which takes long.
  const unlock = lock(flags.out);
  try {
    return await withEngine(session, flags, found.path, (engine) => {
      engine.model.promptDate = detector.promptDate;
      return use(engine);
    });
  } finally {
    unlock();
  }

  async function use(engine: Engine): Promise<T> {
    const store = await openAnswers(join(flags.out, 'answers.jsonl'), identity.sha256, seed);
    try {
      emit({ type: 'start', step: 'facts', label: 'facts it knows' });
      const began = performance.now();
      const questions = builtinQuestions();
      const facts = await knownFacts({
        engine,
        store,
        questions,
        trained,
        promptKind,
        count: flags.items,
        seed,
        onProgress: (done) =>
          emit({ type: 'progress', step: 'facts', done, total: flags.items, unit: 'facts' }),
      });
      const { random, matched } = flags.controls;
      const sets = await prepareSets(engine, detector, facts, promptKind, { random, matched, seed });
      const seconds = (performance.now() - began) / 1000;
      emit({ type: 'end', step: 'facts', seconds, summary: `${facts.length} facts` });
      return await work({
        engine,
        detector,
        detectorPath: flags.detector,
        promptKind,
        facts,
        anyFacts: separateFacts({ questions, trained, seed }).slice(0, ANY_FACTS * flags.items),
        sets,
        store,
        seed,
        trained,
      });
    } finally {
      store.close();
    }
  }
}
