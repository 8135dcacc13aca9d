import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { renderHtml } from '../../src/report/html.js';
import { noBrowser, openBrowser } from '../support/browser.js';
import { someExplain } from '../support/explain.js';
import { someIntervention } from '../support/intervention.js';
import { someOrigin } from '../support/origin.js';
import { hostileReport, HOSTILE as ODD, syntheticReport } from '../support/report.js';
import { someRow, someTable } from '../support/table.js';

const skip = noBrowser;

/** Runs in the page: what sticks out of it, what cannot be read, and which figures show. */
const INSPECT = `(() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a),
    g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a),
    a: 1,
  });
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(parse(getComputedStyle(at).backgroundColor));
    return layers.reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  const illegible = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('title, style')) continue;
    texts++;
    const svg = element.closest('svg');
    const style = getComputedStyle(element);
    const under = background(element);
    const ink = over(parse(svg ? style.fill : style.color), under);
    const [a, b] = [light(ink), light(under)].sort((p, q) => q - p);
    const contrast = (a + 0.05) / (b + 0.05);
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const size = parseFloat(style.fontSize) * scale;
    if (contrast < (size >= 24 ? 3 : 4.5)) illegible.push(walker.currentNode.data.trim().slice(0, 40) + ' ' + contrast.toFixed(2));
    if (size < (svg ? 8.5 : 11)) illegible.push(walker.currentNode.data.trim().slice(0, 40) + ' ' + size + 'px');
  }
  const wide = [...document.querySelectorAll('body *')]
    .filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return element.checkVisibility() && width > 1 && (left < -0.5 || right > innerWidth + 0.5);
    })
    .map((element) => element.tagName + '.' + element.getAttribute('class') + ' ' + element.textContent.slice(0, 30));
  const figures = [...document.querySelectorAll('figure')].map((figure) => {
    const pictures = [...figure.querySelectorAll('svg.plot')].filter((svg) => svg.checkVisibility());
    const box = pictures[0]?.getBoundingClientRect() ?? { width: 0, height: 0 };
    return { id: figure.id, pictures: pictures.length, width: box.width, height: box.height };
  });
  return { scroll: document.documentElement.scrollWidth, texts, illegible, wide, figures, paper: getComputedStyle(document.body).backgroundColor };
})()`;

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Inspection {
  scroll: number;
  texts: number;
  illegible: string[];
  wide: string[];
  figures: { id: string; pictures: number; width: number; height: number }[];
  paper: string;
}

let folder: string;
let browser: Browser;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), 'hneurons-report-'));
  browser = await openBrowser();
});

after(async () => {
  if (skip) return;
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Rules of accessibility that the page breaks, as axe sees it. */
async function brokenRules(tab: Page): Promise<string[]> {
  await tab.evaluate(AXE);
  const { violations } = (await tab.evaluate('axe.run(document)')) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
}

/** Opens a page and looks at it; fails on anything in the console and on any request but that for the file. */
async function inspect(
  page: string,
  width: number,
  colorScheme: 'light' | 'dark',
  options: { axe: boolean },
): Promise<Inspection> {
  const file = join(folder, 'report.html');
  await writeFile(file, page);
  const tab = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
  const url = pathToFileURL(file).href;
  const complaints: string[] = [];
  tab.on('console', (message) => complaints.push(message.text()));
  tab.on('pageerror', (error) => complaints.push(error.message));
  tab.on('dialog', (dialog) => complaints.push(dialog.message()));
  tab.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) complaints.push(request.url());
  });
  await tab.goto(url);
  // A closed <details> must not hide what sticks out.
  for (const summary of await tab.locator('summary').all()) await summary.click();
  const found = (await tab.evaluate(INSPECT)) as Inspection;
  const violations = options.axe ? await brokenRules(tab) : [];
  await tab.close();
  assert.deepEqual(violations, []);
  assert.deepEqual(complaints, []);
  return found;
}

const FEW = {
  figures: null,
  note: 'too few: 3 of each class matched, 20 are needed (400 asked, 3 right, 380 wrong)',
};
const NAMES = ['triviaqa', 'nq-open', 'nonexist (vs. mirror)'];
const TABLE = someTable([...NAMES.map((name) => someRow(name)), someRow('bioasq', FEW)], {
  paper: { model: 'Gemma-3-4B', permille: 0.1 },
});
const ODD_TABLE = someTable(
  ODD.map((name, i) => someRow(`${name} ${i}`, { source: name, ...(i % 3 === 0 && { ...FEW, note: name }) })),
  { notes: ODD },
);
const USUAL = renderHtml({ ...syntheticReport(), table: TABLE, explain: someExplain(8) });
const FULL = renderHtml({
  ...syntheticReport(),
  table: TABLE,
  explain: someExplain(8),
  intervention: someIntervention(),
  origin: someOrigin(),
});
const HOSTILE = renderHtml({ ...hostileReport(), table: ODD_TABLE, explain: someExplain(8, ODD) });

for (const [name, page, width, scheme] of [
  ['a usual', USUAL, 360, 'light'],
  ['a usual', USUAL, 768, 'light'],
  ['a usual', USUAL, 1280, 'light'],
  ['a usual', USUAL, 1280, 'dark'],
  ['a hostile', HOSTILE, 360, 'dark'],
  ['a hostile', HOSTILE, 1280, 'light'],
  ['a full', FULL, 320, 'light'],
  ['a full', FULL, 390, 'dark'],
  ['a full', FULL, 768, 'dark'],
  ['a full', FULL, 1280, 'light'],
] as const) {
  test(`${name} report at ${width} pixels, ${scheme}: whole, quiet, legible`, { skip }, async () => {
    const found = await inspect(page, width, scheme, { axe: page === FULL });
    assert.ok(found.scroll <= width, `${found.scroll} wide: ${found.wide.slice(0, 5)}`);
    assert.deepEqual(found.wide, []);
    assert.ok(found.texts > 200);
    // The narrowest phones show figures a little smaller than is asked of the others.
    if (width >= 360) assert.deepEqual(found.illegible, []);
    assert.ok(found.figures.length >= 14);
    for (const figure of found.figures) {
      assert.ok(figure.pictures > 0 && figure.width > 120 && figure.height > 60, JSON.stringify(figure));
    }
    const [red] = found.paper.match(/\d+/g)!.map(Number);
    assert.ok(scheme === 'dark' ? red < 60 : red > 200, found.paper);
  });
}
