import { visibleText } from './format.js';

/** A piece of HTML that is safe to put into a page. */
export interface Markup {
  readonly markup: string;
}

type Part = Markup | string | number | false | undefined | readonly Part[];

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML, for element content and quoted attributes; control and direction marks become visible text. */
export function escapeHtml(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/**
 * Template tag for HTML: values are escaped unless they are markup themselves; lists are joined; false and undefined
 * leave nothing.
 */
export function html(strings: TemplateStringsArray, ...values: Part[]): Markup {
  let markup = strings[0];
  values.forEach((value, i) => {
    markup += render(value) + strings[i + 1];
  });
  return { markup };
}

/** Marks text that the program itself made (style sheet, SVG) as markup. Never for text from outside. */
export function trusted(markup: string): Markup {
  return { markup };
}

function render(value: Part): string {
  if (value === false || value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  if ('markup' in value) return value.markup;
  return value.map(render).join('');
}
