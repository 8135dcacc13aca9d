import { chooseC } from '../learn/cross-validate.js';
import type { GridPoint } from './fit.js';
import type { TrainSettings } from './settings.js';

/**
 * The C of a path (method.md section 4): by `accuracy+score` the one with the largest sum of held-out accuracy and suppressed
 * score, by `accuracy` the most accurate one. Of points less than one held-out answer worse, the sparsest.
 *
 * @param answers held-out answers behind an accuracy
 */
export function chooseFrom(grid: GridPoint[], select: TrainSettings['select'], answers: number): GridPoint {
  const valued = grid.map((point, i) => ({
    ...point,
    accuracy: point.accuracy + (select === 'accuracy' ? 0 : point.suppressed!),
    i,
  }));
  return grid[chooseC(valued, answers).i];
}

/** How C was chosen, for readers of the report. */
export function selectionRule(select: TrainSettings['select']): string {
  const measure =
    select === 'accuracy'
      ? 'highest accuracy on held-out answers of the training half'
      : 'highest sum of the accuracy on held-out answers and of the share of known questions that the model still answers ' +
        'without these H-Neurons';
  return `${measure}; of equals, the one with the fewest neurons`;
}
