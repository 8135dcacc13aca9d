import { formatPercent } from '../../report/format.js';
import type { CostPoint, Intervention } from '../../report/intervention/schema.js';

/** A model that loses this part of its right answers is broken. */
const FEWER_RIGHT = 0.2;
/** Rise of the share of degenerate prose that counts as broken (it is one of few texts). */
const MORE_DEGENERATE = 0.25;

/**
 * Alphas at which the model with scaled neurons is sound: from 1 outward, as long as the question score is at most a fifth below that at
 * 1 and the share of degenerate prose at most {@link MORE_DEGENERATE} above.
 * @param score name of the question score that decides
 */
export function soundAlphas(cost: readonly CostPoint[], score: string): number[] {
  const points = [...cost].sort((a, b) => a.alpha - b.alpha);
  const home = points.findIndex(({ alpha }) => alpha === 1);
  if (home < 0) return [];
  const at = (i: number) => points[i].score[score].estimate;
  const sound = (i: number) =>
    at(i) >= at(home) * (1 - FEWER_RIGHT) - 1e-9 &&
    points[i].degenerate.estimate <= points[home].degenerate.estimate + MORE_DEGENERATE + 1e-9;
  let low = home;
  let high = home;
  while (low > 0 && sound(low - 1)) low--;
  while (high < points.length - 1 && sound(high + 1)) high++;
  return points.slice(low, high + 1).map(({ alpha }) => alpha);
}

/** Where the model itself is broken, and whether it is with the controls too, in a sentence; '' where it is sound throughout. */
export function describeSoundness(cost: Intervention['cost'], score: string): string {
  const [own, ...controls] = cost;
  const sound = soundAlphas(own.points, score);
  const broken = own.points.filter(({ alpha }) => !sound.includes(alpha));
  if (broken.length === 0) return '';
  const plain = own.points.find(({ alpha }) => alpha === 1)!;
  const state = ({ score: scores, degenerate }: CostPoint) =>
    `plain questions ${formatPercent(scores[score].estimate)} right, prose ${formatPercent(degenerate.estimate)} degenerate`;
  const states = broken.map((point) => {
    const asked = controls.filter(({ points }) => points.some(({ alpha }) => alpha === point.alpha));
    const also = asked.filter(({ points }) => !soundAlphas(points, score).includes(point.alpha)).length;
    const beside =
      asked.length > 0
        ? `; ${also === 0 ? 'none' : also} of ${asked.length} control sets ${also > 1 ? 'are' : 'is'} broken there`
        : '';
    return `at ${point.alpha} (${state(point)}${beside})`;
  });
  return `The model itself is broken ${states.join(', ')}, against ${state(plain)} at 1: compliance there means little.`;
}
