import { html, type Markup } from './markup.js';

type Cell = string | Markup;

/**
 * A table that becomes a list of labelled figures on a phone, so that it is never wider than the page.
 * @param heads of the columns; the first cell of each row is its head
 * @param rows cells; a column in which all are `–` is left out
 */
export function stackedTable({
  caption,
  heads,
  rows,
}: {
  caption?: Cell;
  heads: readonly string[];
  rows: readonly (readonly Cell[])[];
}): Markup {
  const kept = heads.map((_, column) => column === 0 || rows.some((row) => row[column] !== '–'));
  const cells = <T>(all: readonly T[]) => all.filter((_, column) => kept[column]);
  const shown = cells(heads);
  return html`<table class="stack">${caption !== undefined && html`<caption>${caption}</caption>`}
<thead><tr>${shown.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => {
    const [first, ...rest] = cells(row);
    return html`<tr><th scope="row" data-label="${shown[0]}">${first}</th>${rest.map((cell, i) => html`<td data-label="${shown[i + 1]}">${cell}</td>`)}</tr>`;
  })}</tbody></table>`;
}
