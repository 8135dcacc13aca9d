import { cettHistograms, neuronMap, neuronTable, weightBars } from '../figures/neurons.js';
import { regularisationPath } from '../figures/path.js';
import { html, type Markup } from '../markup.js';
import type { Report } from '../schema.js';

/** Which neurons they are, what they do, and how their number was chosen. */
export function neurons(report: Report): Markup {
  return html`<section id="neurons"><h2>The neurons</h2>
<p>A sparse classifier looked at the activity of every neuron and gave a weight to as few as it needed.</p>
${neuronMap(report)}
${weightBars(report)}
${neuronTable(report)}
${cettHistograms(report)}
${regularisationPath(report)}
</section>`;
}
