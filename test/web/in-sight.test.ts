import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../support/browser.js';
import { type MockServe, startMockServe } from '../support/mock-serve.js';
import { answered, ask, openPage, picture } from './page.js';

/** What stays in sight, and what stays where it is, as the page grows. */
const skip = noBrowser;

/** A server that says so many words, slowly. */
async function wordy(words: number): Promise<MockServe> {
  const mock = await startMockServe();
  mock.pace = 4;
  mock.say = () => Array.from({ length: words }, (_, at) => ` word${at}`);
  return mock;
}

/** Where the last answer ends and where the dock begins, in pixels of the window. */
const ENDS =
  '[[...document.querySelectorAll(".answer")].at(-1), document.querySelector(".dock")].map((one, at) => one.getBoundingClientRect()[at ? "top" : "bottom"])';

/** Waits until the end of the last answer stands above the dock; fails where it never does. */
async function endInSight(page: Page, when: string): Promise<void> {
  let ends: number[] = [];
  for (let attempt = 0; attempt < 40; attempt++) {
    ends = (await page.evaluate(ENDS)) as number[];
    if (ends[0] > 0 && ends[0] <= ends[1]) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`${when}: the answer ends at ${ends[0]}, the dock begins at ${ends[1]}`);
}

const place = (page: Page) => page.evaluate('scrollY') as Promise<number>;

/** Scrolls up by the wheel, and waits until the page has come to rest. */
async function scrollUp(page: Page, pixels: number): Promise<number> {
  const from = await place(page);
  await page.mouse.move(300, 200);
  await page.mouse.wheel(0, -pixels);
  for (let attempt = 0; attempt < 40 && (await place(page)) > from - pixels + 1; attempt++)
    await page.waitForTimeout(25);
  return place(page);
}

test('the end of the talk stays in sight while an answer grows, and while the dock does', {
  skip,
}, async (t) => {
  const mock = await wordy(700);
  const page = await openPage(t, mock.url);
  await ask(page, 'Say much');
  for (const at of [300, 500]) {
    await page.locator('.word').nth(at).waitFor();
    await endInSight(page, `at word ${at}`);
  }
  await answered(page);
  await endInSight(page, 'with the verdict');
  await page.getByLabel('Numbers').check();
  await endInSight(page, 'with numbers');
  await page.getByText('Settings').click();
  await endInSight(page, 'with the settings open');
  await page.getByRole('textbox', { name: 'Your question' }).fill('one\ntwo\nthree\nfour\nfive');
  await endInSight(page, 'with five lines in the composer');
  await page.setViewportSize({ width: 900, height: 730 });
  await endInSight(page, 'in a smaller window');
});

test('a reader who has scrolled up is not pulled down', { skip }, async (t) => {
  const mock = await wordy(900);
  const page = await openPage(t, mock.url);
  await ask(page, 'Say much');
  await page.locator('.word').nth(300).waitFor();
  // The answer stands nearly still meanwhile, so that much of it comes after the scroll, however slow the browser is.
  mock.pace = 500;
  await endInSight(page, 'at first');
  // Two lines above the end is above it, too.
  const there = await scrollUp(page, 60);
  mock.pace = 4;
  await answered(page);
  await page.waitForTimeout(100);
  assert.equal(await place(page), there, 'while the answer grew');
  await page.getByText('Settings').click();
  await page.getByLabel('Seed').waitFor();
  await page.waitForTimeout(100);
  assert.equal(await place(page), there, 'while the dock grew');

  mock.say = () => [' Well.'];
  await ask(page, 'And this?');
  await page.locator('.answer').nth(1).waitFor();
  await answered(page);
  await endInSight(page, 'after a new question');
});

test('a welcome that is longer than the screen is seen from its beginning', { skip }, async (t) => {
  const mock = await startMockServe({ detector: false });
  const page = await openPage(t, mock.url, { width: 390 });
  await page.locator('.how').waitFor();
  await page.waitForTimeout(100);
  assert.ok((await page.evaluate('document.documentElement.scrollHeight > innerHeight + 50')) as boolean);
  assert.equal(await place(page), 0);
  await page.getByRole('textbox', { name: 'Your question' }).fill('one\ntwo\nthree');
  await page.waitForTimeout(100);
  assert.equal(await place(page), 0);
});

test('what is unfolded in an answer stays under the pointer', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.say = () => Array.from({ length: 60 }, (_, at) => ` This is sentence number ${at}.`);
  const page = await openPage(t, mock.url);
  await ask(page, 'Say much');
  await answered(page);
  await endInSight(page, 'with the verdict');
  const parts = page.locator('.parts summary');
  const before = (await parts.boundingBox())!.y;
  await parts.click();
  await page.locator('.parts li').first().waitFor();
  await page.waitForTimeout(100);
  assert.equal((await parts.boundingBox())!.y, before);
});

for (const [width, height] of [
  [390, 800],
  [800, 390],
]) {
  test(`open settings are in sight on a phone, ${width} by ${height}`, { skip }, async (t) => {
    const mock = await startMockServe();
    mock.say = () => Array.from({ length: 400 }, (_, at) => ` word${at}`);
    const page = await openPage(t, mock.url, { width, height });
    const fieldsInSight = async () => {
      await page.getByText('Settings').click();
      await page.getByLabel('Seed').waitFor();
      await page.waitForTimeout(100);
      for (const name of ['Temperature', 'Longest answer', 'Seed']) {
        const { y, height: high } = (await page.getByLabel(name).boundingBox())!;
        assert.ok(y >= 0 && y + high <= height, `${name}: ${y} to ${y + high}`);
      }
    };
    await fieldsInSight();
    await page.getByText('Settings').click();
    await ask(page, 'Say much');
    await answered(page);
    await fieldsInSight();
    await picture(page, `settings-${width}`);
  });
}
