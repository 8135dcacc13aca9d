import { page } from '../html.js';
import { html } from '../markup.js';
import { origin } from '../sections/origin.js';
import type { Origin } from './schema.js';

/** A trace as one HTML file of its own, for a detector without a report, and for a series of checkpoints. */
export function renderOrigin(found: Origin): string {
  return page(
    `Where the H-Neurons of ${found.instruct.name} come from`,
    found.run.version,
    html`<header><p class="eyebrow">Origin of hallucination neurons</p><h1>${found.instruct.name} and ${found.base.name}</h1>
<p class="note">${found.run.command}</p></header>
<main>${origin(found)}</main>`,
  );
}
