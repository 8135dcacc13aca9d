import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { noBrowser, openBrowser } from '../support/browser.js';

let browser: Browser;

before(async () => {
  if (!noBrowser) browser = await openBrowser();
});
after(() => browser?.close());

export interface PageOptions {
  width?: number;
  height?: number;
  scheme?: 'light' | 'dark';
  /** Complaints that this test brings about, such as a refused request in the console. */
  expected?: RegExp;
}

/**
 * Opens the web page in a fresh profile. At the end of the test fails on anything in the console, on an error or a dialog,
 * and on a request to anywhere but the server.
 */
export async function openPage(t: TestContext, url: string, options: PageOptions = {}): Promise<Page> {
  const { width = 1280, height = 800, scheme = 'light', expected = /^$/ } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const complain = (text: string) => {
    // A server may be stopped before its page is closed.
    if (!expected.test(text) && !text.includes('ERR_CONNECTION_REFUSED')) complaints.push(text);
  };
  page.on('console', (message) => complain(message.text()));
  page.on('pageerror', (error) => complain(error.message));
  page.on('dialog', (dialog) => complain(dialog.message()));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|about):/.test(request.url())) complain(request.url());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(url);
  return page;
}

/** Writes a question and sends it with Enter. */
export async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Your question' }).fill(text);
  await page.keyboard.press('Enter');
}

/** Waits until nothing is being answered, and nothing went wrong. */
export async function answered(page: Page): Promise<void> {
  await page.locator('.answer:visible').first().waitFor();
  // Not waitForFunction: the page's policy forbids to evaluate strings in it.
  while ((await page.locator('.answer[aria-busy=true]').count()) > 0) await page.waitForTimeout(20);
  assert.deepEqual(await page.locator('.trouble').allInnerTexts(), []);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Whether everything has a name, can be read and reached, as axe sees it; and that nothing sticks out of the page. */
export async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate('axe.run(document, { iframes: false })')) as {
    violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
  };
  const found = violations.map(({ id, nodes }) => ({
    id,
    nodes: nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`),
  }));
  assert.deepEqual(found, []);
  const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.ok((wide as number) <= 0, `${wide} pixels too wide`);
}

/** Keeps a picture where SCREENSHOTS names a folder, for looking at by eye. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  console.log(path);
}
