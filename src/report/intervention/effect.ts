import type { Interval } from '../../stats/interval.js';
import type { ComplianceSlope } from './schema.js';

/** What turning the H-Neurons up does to compliance; how it is said depends on who is told. */
export type Effect = 'own' | 'shared' | 'alone' | 'falls' | 'none';

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
    return controls.every((one) => one.slope < compared.hNeurons) ? 'own' : 'shared';
  }
  return hNeurons.high < 0 ? 'falls' : 'none';
}

/** Whether the share of honest twins answered rightly goes the same way as compliance. */
export function moveAlong(compliance: Interval, twins: Interval | null): boolean {
  if (twins === null) return false;
  return (compliance.low > 0 && twins.low > 0) || (compliance.high < 0 && twins.high < 0);
}
