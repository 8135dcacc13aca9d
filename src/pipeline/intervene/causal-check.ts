import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../../errors.js';
import { counterfactual } from '../../intervene/builtin/counterfactual.js';
import { plainQuestions } from '../../intervene/builtin/plain.js';
import { type KnownFact, relationLimit, wrongValue } from '../../intervene/facts.js';
import type { Question } from '../../questions/types.js';
import { InterventionSchema } from '../../report/intervention/schema.js';
import { derive, shuffle } from '../../stats/random.js';
import { readCases } from '../cases.js';
import type { RunContext } from '../context.js';
import { detectorIdentity, hNeuronsOf, readDetector } from '../detector.js';
import { openAnswers } from './answers.js';
import { CAUSAL_FILE, INTERVENTION_FILE } from './files.js';
import { intervene } from './intervene.js';
import { prepareSets, QUESTION_SHOTS } from './prepare.js';

const ITEMS = 24;
const FEWEST = 10;
const ALPHAS = [0, 1, 2];
const CONTROLS = { random: 0, matched: 3 };
/** Half of them: where the vocabulary is large they take as long as the items. */
const PASSAGES = 6;

/**
 * A short check whether the H-Neurons matter, on questions of the run's test half that the model knows: counterfactual contexts at alpha
 * 0, 1 and 2, beside three matched controls. Writes what the report shows where `intervene` has not been run. Where it cannot be done a
 * note says why.
 */
export async function causalCheck(context: RunContext): Promise<void> {
  const { folder, emit } = context;
  const note = (why: string) => emit({ type: 'note', message: `no causal check: ${why}` });
  const detector = await readDetector(folder.file('detector.json'));
  const identity = detectorIdentity(detector);
  for (const name of [INTERVENTION_FILE, CAUSAL_FILE]) {
    if ((await identityOf(folder.file(name))) === identity) {
      return emit({ type: 'skip', step: 'intervene', summary: name });
    }
  }
  if (hNeuronsOf(detector).length === 0) return note('the detector has no H-Neuron');
  const { seed } = folder.manifest;
  const facts = await knownCases(folder.file('cases.jsonl'), seed);
  if (facts.length < FEWEST) {
    return note(`only ${facts.length} questions of the test half have a known and another answer`);
  }
  const path = folder.file(CAUSAL_FILE);
  await mkdir(dirname(path), { recursive: true });
  const engine = await context.engine();
  const store = await openAnswers(
    folder.file('intervention/answers.jsonl'),
    folder.manifest.model.sha256,
    seed,
  );
  try {
    const promptKind = detector.promptStyle;
    const { items, ...benchmark } = counterfactual(facts, QUESTION_SHOTS);
    await intervene(
      {
        engine,
        detector,
        detectorPath: folder.file('detector.json'),
        sets: await prepareSets(engine, detector, facts, promptKind, { ...CONTROLS, seed }),
        alphas: ALPHAS,
        benchmarks: [{ ...benchmark, items: items.filter(({ twin }) => !twin) }],
        scores: [
          plainQuestions(
            'facts',
            facts.map(({ question }) => question),
            QUESTION_SHOTS,
          ),
        ],
        passages: PASSAGES,
        promptKind,
        store,
        openJudge: () => {
          throw new Error('a benchmark by rule needs no judge');
        },
        seed,
        out: dirname(path),
        name: 'causal',
      },
      {
        emit,
        signal: context.signal,
        version: context.versions.hneurons,
        command: folder.manifest.command,
      },
    );
  } catch (error) {
    // The detector is there and tested: a model that cannot be steered must not cost the report.
    if (!(error instanceof UserError)) throw error;
    note(error.message);
  } finally {
    store.close();
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    return InterventionSchema.parse(JSON.parse(await readFile(path, 'utf8'))).detector.identity;
  } catch {
    return undefined;
  }
}

/** Faithful test cases as facts, with the answer to another question of their relation as the wrong value. */
async function knownCases(path: string, seed: number): Promise<KnownFact[]> {
  const cases = (await readCases(path)).filter(({ split, kind }) => split === 'test' && kind === undefined);
  const relations = new Map<string, Question[]>();
  for (const one of cases) {
    const list = relations.get(one.relation) ?? [];
    list.push(one);
    relations.set(one.relation, list);
  }
  const faithful = shuffle(
    derive(seed, 'causal check'),
    cases.filter((one) => one.class === 'faithful'),
  );
  const limit = relationLimit(ITEMS, relations.size);
  const taken = new Map<string, number>();
  return faithful
    .flatMap((one): KnownFact[] => {
      const before = taken.get(one.relation) ?? 0;
      const wrong = before < limit && wrongValue(one, relations.get(one.relation)!, seed);
      if (!wrong) return [];
      taken.set(one.relation, before + 1);
      return [{ question: one, answer: one.answer, wrong }];
    })
    .slice(0, ITEMS);
}
