import type { Transfer, TransferCell } from '../../report/origin/schema.js';
import { detectorFigures } from '../../stats/table-row.js';
import { readControls } from '../controls-file.js';
import { decisionValues } from '../decision.js';
import { type Detector, readDetector } from '../detector.js';
import { gather, linearScores } from '../gather.js';
import { numberGroups } from '../groups.js';
import type { RunFolder } from '../run-folder.js';
import { type Half, loadHalf } from '../train.js';

type Linear = Pick<Detector, 'neurons' | 'intercept' | 'calibration' | 'model'>;

/**
 * Whether a detector carries over between a model and the one that it came from (method.md section 7): each detector on the
 * other model's own held-out answers, unchanged, beside its controls, and beside the detector that was trained on that model.
 * @param base, instruct run folders over the same questions, split in the same way, evaluated
 */
export async function transferBetween(
  base: RunFolder,
  instruct: RunFolder,
  seed: number,
  signal?: AbortSignal,
): Promise<Transfer> {
  const [baseHalf, instructHalf] = [await loadHalf(base, 'test'), await loadHalf(instruct, 'test')];
  return {
    toBase: {
      answers: counts(baseHalf),
      moved: await judgeBy(instruct, baseHalf, seed, signal),
      native: await judgeBy(base, baseHalf, seed, signal),
    },
    toInstruct: {
      answers: counts(instructHalf),
      moved: await judgeBy(base, instructHalf, seed, signal),
      native: await judgeBy(instruct, instructHalf, seed, signal),
    },
  };
}

/** The detector and the controls of one run on the held-out answers of a run. */
async function judgeBy(
  from: RunFolder,
  half: Half,
  seed: number,
  signal?: AbortSignal,
): Promise<TransferCell> {
  const detector = await readDetector(from.file('detector.json'));
  const { controls } = await readControls(from.file('controls.json'));
  const { ffn } = detector.model;
  const flat = ({ layer, index }: { layer: number; index: number }) => layer * ffn + index;
  const columns = [detector, ...controls].flatMap(({ neurons }) => neurons.map(flat));
  const gathered = await gather(half.answer, columns, signal);
  const decide = ({ neurons, intercept, calibration }: Omit<Linear, 'model'>) =>
    decisionValues(
      calibration,
      linearScores(
        gathered,
        neurons.map(flat),
        neurons.map(({ weight }) => weight),
        intercept,
      ),
    );
  const ofKind = (wanted: 'random' | 'layer-matched') =>
    controls
      .filter(({ kind }) => kind === wanted)
      .map((control) => ({ seed: control.seed, scores: decide(control) }));
  const figures = detectorFigures({
    scores: decide(detector),
    labels: Uint8Array.from(half.cases, (one) => (one.class === 'hallucinated' ? 1 : 0)),
    groups: numberGroups(half.cases.map(({ group }) => group)),
    random: ofKind('random'),
    layerMatched: ofKind('layer-matched'),
    seed,
  });
  return { neurons: detector.neurons.length, ...figures };
}

function counts({ cases }: Half): { faithful: number; hallucinated: number } {
  const hallucinated = cases.filter((one) => one.class === 'hallucinated').length;
  return { faithful: cases.length - hallucinated, hallucinated };
}
