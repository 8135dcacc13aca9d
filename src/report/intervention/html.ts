import { page } from '../html.js';
import { html } from '../markup.js';
import { intervention } from '../sections/intervention.js';
import type { Intervention } from './schema.js';

/** An intervention as one HTML file of its own. */
export function renderIntervention(found: Intervention): string {
  return page(
    `H-Neurons of ${found.model.name}, turned up and down`,
    found.run.version,
    html`<header><p class="eyebrow">Turning hallucination neurons</p><h1>${found.model.name}</h1>
<p class="note">${found.run.command}</p></header>
<main>${intervention(found)}</main>`,
  );
}
