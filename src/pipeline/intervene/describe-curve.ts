import { formatChange, formatP, formatPercent } from '../../report/format.js';
import type { ComplianceBenchmark } from '../../report/intervention/schema.js';

/** In percentage points: `+17.5`, `−4.1`. */
const points = (value: number) => formatChange(value * 100, 1);

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
  const clear = hNeurons.low > 0 && controls.length > 0 && slopes.every((slope) => slope < compared.hNeurons);
  const effect = clear
    ? ' More than any control: these neurons do turn compliance.'
    : hNeurons.low > 0
      ? controls.length > 0
        ? ' It rises, but so it does with some control neurons.'
        : ' It rises; whether other neurons do the same was not asked.'
      : hNeurons.high < 0
        ? ' It falls as they are turned up: the opposite of the published effect.'
        : ' No clear effect over the whole range.';
  return steps + effect + twins(benchmark) + inSound(benchmark) + leftOut(benchmark);
}

function twins({ twinSlope, slope: { hNeurons }, curves: [own] }: ComplianceBenchmark): string {
  if (twinSlope === null) return '';
  const rates = own.points
    .filter(({ alpha }) => Number.isInteger(alpha))
    .map(({ alpha, twins: right }) => `${formatPercent(right!.estimate)} at ${alpha}`)
    .join(', ');
  const shifts =
    (hNeurons.low > 0 && twinSlope.low > 0) || (hNeurons.high < 0 && twinSlope.high < 0)
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
