import type { Interval } from '../../stats/interval.js';
import type { CompliancePoint, ComplianceSlope } from './schema.js';

/** What turning the H-Neurons up does to compliance; how it is said depends on who is told. */
export type Effect = 'own' | 'shared' | 'alone' | 'falls' | 'none';

/** Fewer controls cannot show that a rank is no accident: the best of n + 1 sets has p = 1 / (n + 1), and .05 counts. */
export const MIN_CONTROLS = 19;

/** Whether a control's slope is at least that of the H-Neurons. Equal shares need not be equal to the last bit. */
export function reaches(control: number, hNeurons: number): boolean {
  return control >= hNeurons - 1e-12;
}

/**
 * Goes by the 95 % interval of the slope and by the control sets: it rises more than with any of them, as it does with some, where there
 * are none to compare with; it falls; or nothing is clear.
 */
export function effectOf({
  hNeurons,
  compared,
  controls,
}: Pick<ComplianceSlope, 'hNeurons' | 'compared' | 'controls'>): Effect {
  if (hNeurons.low > 0) {
    if (controls.length === 0) return 'alone';
    return controls.some(({ slope }) => reaches(slope, compared.hNeurons)) ? 'shared' : 'own';
  }
  return hNeurons.high < 0 ? 'falls' : 'none';
}

/**
 * Whether the controls were asked at every alpha that the slope of the H-Neurons is over: then it need not be told again for theirs.
 * @param slope with `low` and `high` where it is over the sound alphas alone
 * @param asked the curve of the H-Neurons
 */
export function comparedThroughout(
  slope: Pick<ComplianceSlope, 'compared'> & { low?: number; high?: number },
  asked: readonly Pick<CompliancePoint, 'alpha'>[],
): boolean {
  const { compared, low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = slope;
  return compared.alphas.length === asked.filter(({ alpha }) => alpha >= low && alpha <= high).length;
}

/** Whether the share of honest twins answered rightly goes the same way as compliance. */
export function moveAlong(compliance: Interval, twins: Interval | null): boolean {
  if (twins === null) return false;
  return (compliance.low > 0 && twins.low > 0) || (compliance.high < 0 && twins.high < 0);
}
