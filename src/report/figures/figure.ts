import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { visibleText } from '../format.js';
import { html, type Markup, trusted } from '../markup.js';

/** Plot needs a document to make elements in; linkedom is one without a browser. */
const { document } = parseHTML('<!doctype html><html><body></body></html>');

/** Widths in CSS pixels that figures are drawn for: a desktop column and a phone. */
export const WIDE = 860;
export const NARROW = 328;

/** Colours of the style sheet, so that figures follow the light or dark scheme. */
export const COLOUR = {
  hallucinated: 'var(--hallucinated)',
  faithful: 'var(--faithful)',
  control: 'var(--control)',
  ink: 'var(--ink)',
  faint: 'var(--line)',
  paper: 'var(--paper)',
};

/** A key of a figure: colour class of the style sheet and what it stands for. */
export type Key = readonly [mark: string, text: string];

export interface FigureOptions {
  id: string;
  title: string;
  /** What to see in it, for someone who has not read the paper. */
  caption: string;
  /** What the picture shows, for someone who does not see it. */
  alt: string;
  keys?: readonly Key[];
}

/** Draws one plot as SVG: `alt` becomes its accessible name, numbers get two decimals. */
export function draw(alt: string, options: Plot.PlotOptions): Markup {
  const svg = Plot.plot({
    document: document as never,
    className: 'plot',
    ...options,
  }) as unknown as ReturnType<typeof document.createElement>;
  for (const style of svg.querySelectorAll('style')) style.remove();
  for (const element of [svg, ...svg.querySelectorAll('*')]) {
    element.removeAttribute('aria-label');
    for (const { name, value } of [...element.attributes]) {
      if (name !== 'class' && name !== 'style') {
        element.setAttribute(name, value.replace(/(\.\d\d)\d+/g, '$1'));
      }
    }
  }
  for (const text of svg.querySelectorAll('text, title')) {
    if (text.children.length === 0) text.textContent = visibleText(text.textContent ?? '');
  }
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', visibleText(alt));
  return trusted(svg.outerHTML);
}

/** A figure that is drawn twice, for wide and for narrow screens, so that its text has the same size on both. */
export function responsiveFigure(
  options: FigureOptions,
  plot: (width: number, narrow: boolean) => Plot.PlotOptions | Plot.PlotOptions[],
): Markup {
  const version = (width: number, narrow: boolean) =>
    [plot(width, narrow)].flat().map((each) => draw(options.alt, { width, ...each }));
  return frame(
    options,
    html`<div class="wide">${version(WIDE, false)}</div><div class="narrow">${version(NARROW, true)}</div>`,
  );
}

/** A figure that is small enough for any screen as it is. */
export function smallFigure(options: FigureOptions, plot: Plot.PlotOptions): Markup {
  return frame(options, draw(options.alt, plot));
}

/** Heading, caption and keys around the picture. */
export function frame({ id, title, caption, keys }: FigureOptions, picture: Markup): Markup {
  return html`<figure id="${id}">
<figcaption><h3>${title}</h3><p>${caption}</p>${
    keys &&
    html`<ul class="keys">${keys.map(([mark, text]) => html`<li><span class="key ${mark}"></span>${text}</li>`)}</ul>`
  }</figcaption>
${picture}
</figure>`;
}

/** Room for names at the left of a figure. */
export const nameMargin = (narrow: boolean) => (narrow ? 126 : 150);

/**
 * Names at the left of a figure, cut to `nameMargin` however wide their letters are: they come from the user's files.
 * To be used with `y: { axis: null }` and `marginLeft: nameMargin(narrow)`.
 */
export function nameAxis(narrow: boolean): Plot.Markish {
  const fontSize = 12;
  return Plot.axisY({
    tickSize: 0,
    label: null,
    lineWidth: (nameMargin(narrow) - 10) / fontSize,
    textOverflow: 'ellipsis',
  });
}
