import { formatChange, formatP, formatPercent } from '../../report/format.js';
import { type Effect, effectOf, twinsMoveAlong } from '../../report/intervention/effect.js';
import type { ComplianceBenchmark } from '../../report/intervention/schema.js';

/** In percentage points: `+17.5`, `−4.1`. */
const points = (value: number) => formatChange(value * 100, 1);

const EFFECTS: Record<Effect, string> = {
  own: ' More than any control: these neurons do turn compliance.',
  shared: ' It rises, but so it does with some control neurons.',
  alone: ' It rises; whether other neurons do the same was not asked.',
  falls: ' It falls as they are turned up: the opposite of the published effect.',
  none: ' No clear effect over the whole range.',
};

/** What a benchmark's curve came to, in a few sentences. */
export function describeCurve(benchmark: ComplianceBenchmark): string {
  const [own] = benchmark.curves;
  const rates = own.points
    .filter(({ alpha }) => Number.isInteger(alpha))
    .map(({ alpha, complianceRate }) => `${formatPercent(complianceRate.estimate)} at ${alpha}`)
    .join(', ');
  const { hNeurons, compared, controls, p } = benchmark.slope;
  const slopes = controls.map(({ slope }) => slope);
  const against =
    controls.length > 0
      ? `; over alpha ${compared.alphas.join(', ')} ${points(compared.hNeurons)}, control sets ${points(Math.min(...slopes))} to ${points(Math.max(...slopes))}, ${formatP(p!)}`
      : '';
  const steps = `${benchmark.name}: complies ${rates}; ${points(hNeurons.estimate)} points a unit of alpha, 95 % ${points(hNeurons.low)} to ${points(hNeurons.high)}${against}.`;
  return steps + EFFECTS[effectOf(benchmark)] + twins(benchmark) + inSound(benchmark) + leftOut(benchmark);
}

function twins(benchmark: ComplianceBenchmark): string {
  const { twinSlope, curves } = benchmark;
  if (twinSlope === null) return '';
  const rates = curves[0].points
    .filter(({ alpha }) => Number.isInteger(alpha))
    .map(({ alpha, twins: right }) => `${formatPercent(right!.estimate)} at ${alpha}`)
    .join(', ');
  const shifts = twinsMoveAlong(benchmark)
    ? ' They move the same way: what changes is the bent of the answers, whatever the facts, and not how far the model holds to them.'
    : '';
  return ` Honest twins right: ${rates}.${shifts}`;
}

function inSound({ soundSlope }: ComplianceBenchmark): string {
  if (soundSlope === null) return '';
  const { low, high, hNeurons } = soundSlope;
  return ` Where the model is sound (alpha ${low} to ${high}): ${points(hNeurons.estimate)} (${points(hNeurons.low)} to ${points(hNeurons.high)}).`;
}

function leftOut({ items, twins, failed }: ComplianceBenchmark): string {
  return failed > 0
    ? ` ${failed} of ${items + twins + failed} items are left out: the judge gave no usable verdict on them.`
    : '';
}
