import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noBrowser } from '../support/browser.js';
import { startMockServe } from '../support/mock-serve.js';
import { answered, ask, openPage, picture } from './page.js';

/** Where things stand on the page: what axe does not see. */
const skip = noBrowser;
const WIDTHS = [1280, 390];

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
  width: number;
  text: string;
}

/** The places of all elements that a selector finds, in their order; to be evaluated in the page. */
function boxes(selector: string): string {
  return `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => ({ ...one.getBoundingClientRect().toJSON(), text: one.textContent }))`;
}

for (const width of WIDTHS) {
  test(`numbers hang under words and stay apart, at ${width} pixels`, { skip }, async (t) => {
    const mock = await startMockServe();
    mock.say = () => 'I saw a map of it. A man is at sea: J. is in it, so to say, at 3 to 1.'.split(/(?= )/);
    const page = await openPage(t, mock.url, { width });
    // First with two digits under the shortest words, then with the longest figure there is.
    mock.risk = () => 0.45;
    await ask(page, 'Two digits?');
    await answered(page);
    const without = (await page.evaluate(boxes('.word[data-risk]'))) as Box[];
    await page.getByLabel('Numbers').check();
    const numbered = (await page.evaluate(boxes('.word[data-risk]'))) as Box[];
    numbered.forEach((word, at) => {
      const wider = word.width - without[at].width;
      assert.ok(wider < 7, `${word.text} is ${wider} wider`);
    });
    mock.risk = () => 0.999;
    await ask(page, 'Three signs?');
    await page.locator('.answer').nth(1).waitFor();
    await answered(page);
    const figures = (await page.evaluate(boxes('.figure'))) as Box[];
    assert.ok(figures.some(({ text }) => text === '>99') && figures.some(({ text }) => text === '45'));
    for (let at = 1; at < figures.length; at++) {
      const [before, one] = [figures[at - 1], figures[at]];
      if (one.top === before.top) assert.ok(one.left - before.right >= 1, `${before.text} and ${one.text}`);
    }
    assert.match((await page.locator('.word[data-risk]').last().textContent())!, /\(risk over 99\s%\)$/);
    await picture(page, `numbers-${width}`);
  });
}

for (const width of WIDTHS) {
  test(`the axes of the map say what they are, and weights stand in their column, at ${width} pixels`, {
    skip,
  }, async (t) => {
    const mock = await startMockServe();
    const page = await openPage(t, mock.url, { width });
    await page.getByRole('tab', { name: 'Neurons' }).click();
    await page.locator('.map .plane').waitFor();
    const name = page.locator('.map').getByText('layer', { exact: true });
    await name.waitFor();
    const { x, y, width: wide, height: high } = (await name.boundingBox())!;
    const [plane] = (await page.evaluate(boxes('.map .plane'))) as Box[];
    assert.ok(x >= 0 && x + wide <= plane.left, 'within the page, beside the map');
    const numbers = (await page.evaluate(boxes('.axis span'))) as Box[];
    assert.ok(numbers.every(({ top, bottom }) => bottom <= y || top >= y + high));
    const [caption] = (await page.evaluate(boxes('.map figcaption'))) as Box[];
    assert.ok(caption.bottom <= y, 'below the caption');

    const [table] = (await page.evaluate(boxes('.scroll'))) as Box[];
    const cells = (await page.evaluate(boxes('.scroll td.number'))) as Box[];
    const bars = (await page.evaluate(boxes('.scroll .bar'))) as Box[];
    cells.forEach(({ left, right }, at) => {
      assert.ok(right <= table.right && bars[at].left >= left, `row ${at}`);
    });
    await picture(page, `map-${width}`);
  });
}

test('on a phone the colours are named, and the banner of a server that is gone has its button in one line', {
  skip,
}, async (t) => {
  const mock = await startMockServe();
  const page = await openPage(t, mock.url, { width: 390, expected: /^Failed to load resource/ });
  await page.getByText('Risk of a word').waitFor();
  await mock.stop();
  await ask(page, 'Anybody?');
  const button = page.getByRole('button', { name: 'Try now' });
  await button.waitFor();
  const { height } = (await button.boundingBox())!;
  assert.ok(height < 50, `${height} high`);
});
