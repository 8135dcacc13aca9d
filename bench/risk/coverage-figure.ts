import * as Plot from '@observablehq/plot';
import { draw } from '../../src/report/figures/figure.js';
import { coverageCurve } from '../../src/stats/selective.js';

const COLOURS: Record<string, string> = { detector: '#c2500a', 'log-probability': '#0c69a6' };

/** The risk-coverage curves of several risks of the same answers, as an SVG file of its own. */
export function coverageFigure(risks: Record<string, ArrayLike<number>>, labels: Uint8Array): string {
  const wrong = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const lines = [
    ...Object.entries(risks).flatMap(([name, list]) =>
      coverageCurve(list, labels)
        // The first few answers alone jump about.
        .filter(({ coverage }) => coverage * labels.length >= 10)
        .map((point) => ({ ...point, name, colour: COLOURS[name] })),
    ),
    ...[10 / labels.length, 1].map((coverage) => ({
      coverage,
      error: wrong,
      name: 'random',
      colour: '#85817a',
    })),
  ];
  const ends = [...new Set(lines.map(({ name }) => name))].map((name) => {
    const own = lines.filter((line) => line.name === name);
    return own.reduce((best, line) =>
      Math.abs(line.coverage - 0.35) < Math.abs(best.coverage - 0.35) ? line : best,
    );
  });
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  const { markup } = draw(
    `Share of wrong answers among those given, from the least risky tenth to all: ${ends.map(({ name, error }) => `${name} ${percent(error)} at 35 %`).join(', ')}.`,
    {
      width: 640,
      height: 360,
      marginLeft: 56,
      marginBottom: 44,
      marginRight: 20,
      style: {
        fontSize: '13px',
        background: '#ffffff',
        color: '#1f1e1c',
        fontFamily: 'system-ui, sans-serif',
      },
      x: {
        domain: [0, 1],
        label: 'share of questions answered, the least risky first',
        tickFormat: percent,
        labelAnchor: 'center',
        labelArrow: 'none',
      },
      y: {
        domain: [0, Math.min(1, Math.ceil(10 * wrong + 1) / 10)],
        label: 'wrong among the answered',
        tickFormat: percent,
        grid: true,
        labelArrow: 'none',
      },
      color: { type: 'identity' },
      marks: [
        Plot.line(lines, { x: 'coverage', y: 'error', z: 'name', stroke: 'colour', strokeWidth: 2 }),
        Plot.text(ends, {
          x: 'coverage',
          y: 'error',
          text: 'name',
          fill: 'colour',
          dy: -10,
          fontWeight: 600,
        }),
      ],
    },
  );
  return `${markup.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')}\n`;
}
