import type { Transfer, TransferCell } from '../../report/origin/schema.js';
import { detectorFigures } from '../../stats/table-row.js';
import { type ControlDetector, readControls } from '../controls-file.js';
import { decisionValues } from '../decision.js';
import { type Detector, detectorIdentity, readDetector } from '../detector.js';
import { gather, linearScores } from '../gather.js';
import { numberGroups } from '../groups.js';
import type { RunFolder } from '../run-folder.js';
import { type Half, loadHalf } from '../train.js';

type Linear = Pick<Detector, 'neurons' | 'intercept' | 'calibration' | 'model'>;

/** A detector and the random ones that it is compared with. */
export interface Judge {
  detector: Detector;
  controls: ControlDetector[];
}

/** The detector that a run ended with, beside its controls. */
export async function judgeOfRun(run: RunFolder): Promise<Judge> {
  const { controls } = await readControls(run.file('controls.json'));
  return { detector: await readDetector(run.file('detector.json')), controls };
}

/** A detector that lies in a run's folder. The run's controls are drawn to match its own detector, and are no measure of another. */
export async function judgeBeside(run: RunFolder, detector: Detector): Promise<Judge> {
  const own = await judgeOfRun(run);
  return detectorIdentity(own.detector) === detectorIdentity(detector) ? own : { detector, controls: [] };
}

/**
 * Whether a detector carries over between a model and the one that it came from (method.md section 7): each detector on the
 * other model's own held-out answers, unchanged, beside its controls, and beside the detector that was trained on that model.
 * @param base, instruct run folders over the same questions, split in the same way, evaluated
 * @param moved the detector of the instruct model that is asked about, which need not be the one that its run ended with
 */
export async function transferBetween(
  base: RunFolder,
  instruct: RunFolder,
  moved: Judge,
  seed: number,
  signal?: AbortSignal,
): Promise<Transfer> {
  const own = await judgeOfRun(base);
  const [baseHalf, instructHalf] = [await loadHalf(base, 'test'), await loadHalf(instruct, 'test')];
  return {
    toBase: {
      answers: counts(baseHalf),
      moved: await judgeBy(moved, baseHalf, seed, signal),
      native: await judgeBy(own, baseHalf, seed, signal),
    },
    toInstruct: {
      answers: counts(instructHalf),
      moved: await judgeBy(own, instructHalf, seed, signal),
      native: await judgeBy(moved, instructHalf, seed, signal),
    },
  };
}

/** A detector and its controls on the held-out answers of a run. */
async function judgeBy(
  { detector, controls }: Judge,
  half: Half,
  seed: number,
  signal?: AbortSignal,
): Promise<TransferCell> {
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
