/**
 * The compliance curves of an intervention as an SVG file of its own, for the documentation.
 *   node dist/bench/intervene-figure.js RUN/intervention/intervention.json FIGURE.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import * as Plot from '@observablehq/plot';
import { draw } from '../src/report/figures/figure.js';
import { InterventionSchema } from '../src/report/intervention/schema.js';

const [source, target] = process.argv.slice(2);
if (!source || !target) throw new Error('give intervention.json and the figure to write');
const { benchmarks, sets } = InterventionSchema.parse(JSON.parse(readFileSync(source, 'utf8')));

const own = benchmarks.flatMap(({ name, curves: [{ points }] }) =>
  points.map(({ alpha, complianceRate, twins }) => ({
    name,
    alpha,
    ...complianceRate,
    twins: twins?.estimate,
  })),
);
const band = benchmarks.flatMap(({ name, curves }) => {
  const controls = curves.filter(({ set }) => sets.find((one) => one.name === set)?.kind !== 'h-neurons');
  return (controls[0]?.points ?? []).map(({ alpha }, k) => {
    const values = controls.map(({ points }) => points[k].complianceRate.estimate);
    return { name, alpha, low: Math.min(...values), high: Math.max(...values) };
  });
});
const { markup } = draw(
  `Compliance against alpha: ${own.map(({ name, alpha, estimate }) => `${name} ${Math.round(estimate * 100)} % at ${alpha}`).join(', ')}.`,
  {
    width: 300 * benchmarks.length + 60,
    height: 280,
    marginLeft: 48,
    marginTop: 36,
    marginBottom: 40,
    style: { fontSize: '12px', background: '#ffffff', color: '#1f1e1c', fontFamily: 'system-ui, sans-serif' },
    fx: { label: null, domain: benchmarks.map(({ name }) => name) },
    x: { label: 'alpha', labelAnchor: 'center', labelArrow: 'none', ticks: 4 },
    y: {
      domain: [0, 1],
      label: 'complies (orange), twins right (blue), controls (grey)',
      labelArrow: 'none',
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
      grid: true,
    },
    marks: [
      Plot.areaY(band, { fx: 'name', x: 'alpha', y1: 'low', y2: 'high', fill: '#85817a', fillOpacity: 0.3 }),
      Plot.ruleX([1], { stroke: '#1f1e1c', strokeDasharray: '2 4' }),
      Plot.line(
        own.filter(({ twins }) => twins !== undefined),
        { fx: 'name', x: 'alpha', y: 'twins', stroke: '#0c69a6', strokeWidth: 1.5 },
      ),
      Plot.ruleX(own, { fx: 'name', x: 'alpha', y1: 'low', y2: 'high', stroke: '#c2500a', strokeWidth: 1.5 }),
      Plot.line(own, { fx: 'name', x: 'alpha', y: 'estimate', stroke: '#c2500a', strokeWidth: 2.5 }),
      Plot.dot(own, { fx: 'name', x: 'alpha', y: 'estimate', fill: '#c2500a', r: 3.5 }),
    ],
  },
);
writeFileSync(target, `${markup.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')}\n`);
