import { html, type Markup, trusted } from './markup.js';
import type { Report } from './schema.js';
import { detection } from './sections/detection.js';
import { examples } from './sections/examples.js';
import { explainSection } from './sections/explain.js';
import { hardOrFalse, stability } from './sections/further.js';
import { intervention } from './sections/intervention.js';
import { neurons } from './sections/neurons.js';
import { origin } from './sections/origin.js';
import { glossary, questions, whatWasRun } from './sections/run.js';
import { summary } from './sections/summary.js';
import { otherSets } from './sections/table.js';
import { STYLE } from './style.js';

/**
 * The report as one HTML file that opens offline: no script, nothing loaded from elsewhere (the page forbids both
 * itself), all text from outside escaped. Follows the light or dark scheme, from phone to desktop, and prints.
 */
export function renderHtml(report: Report): string {
  return page(
    `Hallucination neurons of ${report.model.name}`,
    report.run.version,
    html`${summary(report)}
<main>
${detection(report)}
${hardOrFalse(report)}
${neurons(report)}
${stability(report)}
${explainSection(report.explain)}
${examples(report)}
${otherSets(report)}
${intervention(report.intervention)}
${origin(report.origin)}
${questions(report)}
${whatWasRun(report)}
${glossary(report)}
</main>`,
  );
}

/** A page of this program around a body: style, security policy and footer. */
export function page(title: string, version: string, body: Markup): string {
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="hneurons ${version}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${body}
<footer>Made by hneurons ${version}. Method: Gao et al., “H-Neurons: On the Existence, Impact, and Origin of Hallucination-Associated Neurons in LLMs”, arXiv 2512.01797.</footer>
</body>
</html>
`.markup
  }`;
}
