import * as Plot from '@observablehq/plot';
import { formatChange, formatFixed, formatShare } from '../format.js';
import type { ComplianceBenchmark, CompliancePoint, Intervention } from '../intervention/schema.js';
import type { Markup } from '../markup.js';
import { COLOUR, responsiveFigure } from './figure.js';

type Sets = Intervention['sets'];

/** Range of the controls of a kind at each alpha. */
function band(
  { curves }: Pick<ComplianceBenchmark, 'curves'>,
  sets: Sets,
  value: (point: CompliancePoint) => number,
): { alpha: number; low: number; high: number }[] {
  const controls = curves.filter(({ set }) => sets.find(({ name }) => name === set)?.kind !== 'h-neurons');
  if (controls.length === 0) return [];
  return controls[0].points.map(({ alpha }, k) => {
    const values = controls.map(({ points }) => value(points[k]));
    return { alpha, low: Math.min(...values), high: Math.max(...values) };
  });
}

/** Frame and horizontal axis that the curves share. */
const alphaAxis = (narrow: boolean): Plot.PlotOptions => ({
  marginLeft: 44,
  marginBottom: 40,
  style: { fontSize: '12px' },
  x: { label: 'alpha', labelAnchor: 'center', labelArrow: 'none', ticks: narrow ? 4 : 7 },
});

/** How often the model complies as the H-Neurons are turned, with the band of the controls and the honest twins. */
export function complianceCurve(benchmark: ComplianceBenchmark, sets: Sets): Markup {
  const [own] = benchmark.curves;
  const points = own.points.map(({ alpha, complianceRate }) => ({ alpha, ...complianceRate }));
  const twins = own.points.flatMap(({ alpha, twins: right }) =>
    right ? [{ alpha, estimate: right.estimate }] : [],
  );
  const controls = band(benchmark, sets, ({ complianceRate }) => complianceRate.estimate);
  return responsiveFigure(
    {
      id: `compliance-${benchmark.name}`,
      title: `Compliance: ${benchmark.name}`,
      caption: [
        `The model complies when ${benchmark.complies}.`,
        `Bars are 95 % intervals${controls.length > 0 ? ', the band is the range of all control sets' : ''}.`,
        ...(twins.length > 0 ? ['Where the honest twins fall, the model fails altogether.'] : []),
      ].join(' '),
      alt: points
        .map(({ alpha, estimate }) => `alpha ${alpha}: complies ${formatShare(estimate)}`)
        .join('; '),
      keys: [
        ['line hallucinated', 'H-Neurons'],
        ...(controls.length > 0 ? [['area', 'control sets, range'] as const] : []),
        ...(twins.length > 0 ? [['line faithful', 'honest twins answered rightly'] as const] : []),
      ],
    },
    (_, narrow) => ({
      height: 260,
      ...alphaAxis(narrow),
      y: {
        domain: [0, 1],
        label: 'share of items',
        labelArrow: 'none',
        tickFormat: formatShare,
        ticks: 5,
        grid: true,
      },
      marks: [
        Plot.areaY(controls, { x: 'alpha', y1: 'low', y2: 'high', fill: COLOUR.control, fillOpacity: 0.3 }),
        Plot.ruleX([1], { stroke: COLOUR.ink, strokeDasharray: '2 4' }),
        Plot.line(twins, { x: 'alpha', y: 'estimate', stroke: COLOUR.faithful, strokeWidth: 2 }),
        Plot.ruleX(points, {
          x: 'alpha',
          y1: 'low',
          y2: 'high',
          stroke: COLOUR.hallucinated,
          strokeWidth: 2,
        }),
        Plot.line(points, { x: 'alpha', y: 'estimate', stroke: COLOUR.hallucinated, strokeWidth: 2.5 }),
        Plot.dot(points, { x: 'alpha', y: 'estimate', fill: COLOUR.hallucinated, r: 4.5 }),
      ],
    }),
  );
}

/** What the intervention costs: the log-likelihood of plain English, H-Neurons beside the controls. */
export function likelihoodCurve({ cost }: Pick<Intervention, 'cost'>): Markup {
  const [own, ...others] = cost;
  const points = own.points.map(({ alpha, logLikelihood }) => ({ alpha, ...logLikelihood }));
  const controls =
    others.length === 0
      ? []
      : others[0].points.map(({ alpha }, k) => {
          const values = others.map((one) => one.points[k].logLikelihood.estimate);
          return { alpha, low: Math.min(...values), high: Math.max(...values) };
        });
  return responsiveFigure(
    {
      id: 'likelihood',
      title: 'What it costs: plain English',
      caption: `Mean log-likelihood of a token of fixed English text. A model that no longer knows the language falls${controls.length > 0 ? '; compare with the band of control sets of the same size' : ''}.`,
      alt: points
        .map(({ alpha, estimate }) => `alpha ${alpha}: ${formatFixed(estimate, 2)} a token`)
        .join('; '),
      keys: [
        ['line hallucinated', 'H-Neurons'],
        ...(controls.length > 0 ? [['area', 'control sets, range'] as const] : []),
      ],
    },
    (_, narrow) => ({
      height: 240,
      ...alphaAxis(narrow),
      y: {
        label: 'nats a token',
        labelArrow: 'none',
        ticks: 5,
        tickFormat: (value: number) => formatChange(value, 2),
        grid: true,
      },
      marks: [
        Plot.areaY(controls, { x: 'alpha', y1: 'low', y2: 'high', fill: COLOUR.control, fillOpacity: 0.3 }),
        Plot.ruleX([1], { stroke: COLOUR.ink, strokeDasharray: '2 4' }),
        Plot.line(points, { x: 'alpha', y: 'estimate', stroke: COLOUR.hallucinated, strokeWidth: 2.5 }),
        Plot.dot(points, { x: 'alpha', y: 'estimate', fill: COLOUR.hallucinated, r: 4 }),
      ],
    }),
  );
}
