import { formatP, formatPercent, formatPointChange as points } from '../../report/format.js';
import {
  comparedThroughout,
  type Effect,
  effectOf,
  MIN_CONTROLS,
  moveAlong,
} from '../../report/intervention/effect.js';
import type { ComplianceBenchmark, ComplianceSlope } from '../../report/intervention/schema.js';
import type { Interval } from '../../stats/interval.js';

const EFFECTS: Record<Effect, string> = {
  own: ' More than any control: these neurons do turn compliance.',
  shared: ' It rises, but so it does with some control neurons.',
  alone: ' It rises; whether other neurons do the same was not asked.',
  falls: ' It falls as they are turned up: the opposite of the published effect.',
  none: ' No clear effect over the whole range.',
};

/** The same where it is said again of a part of the alphas. */
const SOUND_EFFECTS: Record<Effect, string> = {
  own: ' More than any control.',
  shared: ' So it does with some control neurons.',
  alone: '',
  falls: ' It falls.',
  none: ' No clear effect.',
};

/** What a benchmark's curve came to, in a few sentences. */
export function describeCurve(benchmark: ComplianceBenchmark): string {
  const { name, curves, slope, twinSlope } = benchmark;
  const rates = curves[0].points
    .filter(({ alpha }) => Number.isInteger(alpha))
    .map(({ alpha, complianceRate }) => `${formatPercent(complianceRate.estimate)} at ${alpha}`)
    .join(', ');
  const steps = `${name}: complies ${rates}; ${points(slope.hNeurons.estimate)} points a unit of alpha, 95 % ${range(slope.hNeurons)}${against(slope, benchmark)}.`;
  return (
    steps +
    effectWords(slope) +
    twins(benchmark) +
    bent(slope.hNeurons, twinSlope) +
    inSound(benchmark) +
    leftOut(benchmark)
  );
}

function effectWords(slope: ComplianceSlope): string {
  const effect = effectOf(slope);
  const { length } = slope.controls;
  if (effect !== 'own' || length >= MIN_CONTROLS) return EFFECTS[effect];
  return ` More than any control, but ${length} ${length === 1 ? 'control is' : 'controls are'} too few to tell.`;
}

const range = ({ low, high }: Pick<Interval, 'low' | 'high'>) => `${points(low)} to ${points(high)}`;
const withInterval = (slope: Interval) => `${points(slope.estimate)} (${range(slope)})`;

function against(slope: ComplianceSlope, { curves: [own] }: ComplianceBenchmark): string {
  const { compared, controls, p } = slope;
  if (controls.length === 0) return '';
  const slopes = controls.map((control) => control.slope);
  const over = comparedThroughout(slope, own.points)
    ? ''
    : `over alpha ${compared.alphas.join(', ')} ${points(compared.hNeurons)}, `;
  return `; ${over}control sets ${range({ low: Math.min(...slopes), high: Math.max(...slopes) })}, ${formatP(p!)}`;
}

function twins({ twinSlope, curves: [own] }: ComplianceBenchmark): string {
  if (twinSlope === null) return '';
  const rates = own.points
    .filter(({ alpha }) => Number.isInteger(alpha))
    .map(({ alpha, twins: right }) => `${formatPercent(right!.estimate)} at ${alpha}`)
    .join(', ');
  return ` Honest twins right: ${rates}.`;
}

function bent(compliance: Interval, twinSlope: Interval | null): string {
  return moveAlong(compliance, twinSlope)
    ? ' They move the same way: what changes is the bent of the answers, whatever the facts, and not how far the model holds to them.'
    : '';
}

function inSound(benchmark: ComplianceBenchmark): string {
  const { soundSlope } = benchmark;
  if (soundSlope === null) return '';
  const { low, high, hNeurons, twins: twinSlope } = soundSlope;
  return ` Where the model is sound (alpha ${low} to ${high}): ${withInterval(hNeurons)}${against(soundSlope, benchmark)}.${SOUND_EFFECTS[effectOf(soundSlope)]}${
    twinSlope === null ? '' : ` Twins: ${withInterval(twinSlope)}.${bent(hNeurons, twinSlope)}`
  }`;
}

function leftOut({ items, twins, failed }: ComplianceBenchmark): string {
  return failed > 0
    ? ` ${failed} of ${items + twins + failed} items are left out: the judge gave no usable verdict on them.`
    : '';
}
