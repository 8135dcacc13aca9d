import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noBrowser } from '../support/browser.js';
import { someIntervention } from '../support/intervention.js';
import { startMockServe } from '../support/mock-serve.js';
import { answered, ask, assertAccessible, openPage, picture } from './page.js';

/** States of the page that a real server is seldom in, over one that brings them about. */
const skip = noBrowser;
/** What Chromium itself writes of a request that failed. */
const REFUSED = /^Failed to load resource/;

test('Esc stops an answer, and the server hears of it', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.pace = 40;
  mock.say = () => Array.from({ length: 2000 }, (_, at) => ` word${at}`);
  const page = await openPage(t, mock.url);
  await ask(page, 'Say much');
  await page.locator('.word').nth(3).waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Stopped, so it has no score.').waitFor();
  const words = await page.locator('.word').count();
  // However slow the browser is: the answer would go on for 80 seconds.
  assert.ok(words < 1900, `${words} words`);
  await page.waitForTimeout(150);
  assert.equal(mock.cut, 1);
  assert.equal(await page.locator('.word').count(), words);
  await page.getByRole('button', { name: 'Send' }).waitFor();
});

test('screen readers are told of an answer twice, not with every token', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.pace = 15;
  const page = await openPage(t, mock.url);
  await page.locator('.welcome').waitFor();
  await page.evaluate(`
    window.heard = [];
    new MutationObserver(() => heard.push(document.querySelector('.chat > [role=status]').textContent))
      .observe(document.querySelector('.chat > [role=status]'), { childList: true, characterData: true, subtree: true });
  `);
  await ask(page, 'What is the capital?');
  await answered(page);
  assert.deepEqual(await page.evaluate('heard'), [
    'Answering',
    'Answer: The capital is Velmorium. Risk 37\u00a0%, could be either.',
  ]);
  assert.equal(await page.locator('.answer [aria-live]').count(), 0);
});

test('a full queue: says how long to wait, then asks again', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.fault = { status: 429, message: 'too many requests', retryAfter: 2 };
  const page = await openPage(t, mock.url, { expected: REFUSED });
  await ask(page, 'What is the capital?');
  await page.getByText('its queue is full. Please wait 2 s.').waitFor();
  assert.ok(await page.getByRole('button', { name: /^Ask again in/ }).isDisabled());
  mock.fault = null;
  await page.getByRole('button', { name: 'Ask again', exact: true }).click();
  await page.locator('.verdict', { hasText: '37 %' }).waitFor();
  assert.equal(await page.locator('.answer').count(), 1);
  assert.deepEqual(mock.asked[1], mock.asked[0]);
});

test('a server that goes away in the middle of an answer is found again', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.pace = 40;
  mock.say = () => Array.from({ length: 2000 }, (_, at) => ` word${at}`);
  const page = await openPage(t, mock.url, { expected: REFUSED });
  await ask(page, 'Say much');
  await page.locator('.word').nth(3).waitFor();
  await mock.stop();
  mock.say = () => Array.from({ length: 100 }, (_, at) => ` word${at}`);
  await page.getByText('The server does not answer. Is hneurons serve still running?').waitFor();
  await page.getByRole('button', { name: 'Ask again' }).waitFor();
  await picture(page, 'server-gone');
  await assertAccessible(page);
  const size = page.viewportSize()!;
  await page.setViewportSize({ width: size.width, height: 260 });
  await page.evaluate('scrollTo(0, document.body.scrollHeight)');
  assert.ok(Number(await page.evaluate('scrollY')) > 60);
  const banner = await page.locator('.banner').boundingBox();
  assert.ok(banner && banner.y >= 0 && banner.y < 10, 'in sight of one who has scrolled down');
  await page.setViewportSize(size);
  await mock.start();
  await page.locator('.banner').waitFor({ state: 'detached' });
  mock.pace = 0;
  await page.getByRole('button', { name: 'Ask again' }).click();
  await page.locator('.word', { hasText: 'word99' }).waitFor();
  await page.locator('.verdict').waitFor();
});

test('asked again while the server is away, an answer keeps what it has', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.pace = 40;
  mock.say = () => Array.from({ length: 2000 }, (_, at) => ` word${at}`);
  const page = await openPage(t, mock.url, { expected: REFUSED });
  await ask(page, 'Say much');
  await page.locator('.word').nth(3).waitFor();
  await mock.stop();
  const again = page.getByRole('button', { name: 'Ask again' });
  await again.waitFor();
  const words = await page.locator('.word').count();
  assert.ok(words > 3);
  for (let time = 0; time < 2; time++) {
    await again.click();
    await again.waitFor();
    assert.equal(await page.locator('.word').count(), words);
  }
  mock.pace = 0;
  mock.say = () => ['Another', ' one'];
  await mock.start();
  await again.click();
  await page.locator('.verdict').waitFor();
  assert.equal(await page.locator('.answer > .sr-only').textContent(), 'Another one');
});

test('Back goes from view to view, and leaves at the first', { skip }, async (t) => {
  const mock = await startMockServe();
  const page = await openPage(t, mock.url);
  const chosen = () => page.locator('[role=tab][aria-selected=true]').innerText();
  for (const name of ['Neurons', 'Run', 'Run', 'Chat']) await page.getByRole('tab', { name }).click();
  for (const name of ['Run', 'Neurons', 'Chat']) {
    await page.goBack();
    await page.getByRole('tab', { name, selected: true }).waitFor();
  }
  await page.goForward();
  await page.getByRole('tab', { name: 'Neurons', selected: true }).waitFor();
  assert.match(page.url(), /#neurons$/);
  await page.evaluate('location.hash = "run"');
  await page.getByRole('tab', { name: 'Run', selected: true }).waitFor();
  assert.equal(await chosen(), 'Run');
});

test('a command is copied, or marked where the browser has no clipboard', { skip }, async (t) => {
  const mock = await startMockServe({ detector: false });
  const command = 'npx hneurons find --model gemma-3-270m';
  const page = await openPage(t, mock.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const copy = page.getByRole('button', { name: 'Copy' }).first();
  await copy.click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), command);
  // As over http from another machine.
  await page.reload();
  await page.evaluate('Object.defineProperty(navigator, "clipboard", { value: undefined })');
  await copy.click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  await page.reload();
  await page.evaluate(
    'Object.defineProperty(navigator, "clipboard", { value: undefined }); document.execCommand = () => false',
  );
  await copy.click();
  await page.getByText('it is marked, press Ctrl+C').waitFor();
  assert.equal(await page.evaluate('getSelection().toString()'), command);
  await assertAccessible(page);
});

test('a card says what is no more than chance, and that its sign changes', { skip }, async (t) => {
  const mock = await startMockServe();
  const page = await openPage(t, mock.url);
  await page.getByRole('tab', { name: 'Neurons' }).click();
  const card = page.locator('.card');
  await card.waitFor();
  const lists = card.locator('.chips');
  assert.doesNotMatch(await lists.nth(0).innerText(), /chance/);
  assert.match(await lists.nth(1).innerText(), /no more than chance/);
  await card.getByText(/It changes: 60.% of its activity on answers has the sign of these lists/).waitFor();
});

test('a model that is being started again', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.restarting = true;
  const page = await openPage(t, mock.url, { expected: REFUSED });
  await page.getByText('The server is starting again.').waitFor();
  mock.restarting = false;
  // It may find the server by itself before it is told to.
  await page
    .getByRole('button', { name: 'Try now' })
    .click({ timeout: 2000 })
    .catch(() => {});
  await page.getByRole('heading', { name: 'See where a model makes things up' }).waitFor();
});

test('a failure in the server is told in its words', { skip }, async (t) => {
  const mock = await startMockServe();
  mock.fault = { status: 400, message: 'the prompt has 9000 tokens, 2048 fit' };
  const page = await openPage(t, mock.url, { expected: REFUSED });
  await ask(page, 'What is the capital?');
  await page.locator('.trouble', { hasText: 'the prompt has 9000 tokens, 2048 fit' }).waitFor();
});

test('a server with a key: asks, is refused, is let in; the report comes with the key', {
  skip,
}, async (t) => {
  const mock = await startMockServe({ key: 'open sesame' });
  const page = await openPage(t, mock.url, { expected: REFUSED });
  const field = page.getByLabel('API key');
  await field.fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('The server refused that key.').waitFor();
  await page.getByText('started with, by HNEURONS_API_KEY or --api-key').waitFor();
  await assertAccessible(page);
  await field.fill('open sesame');
  await page.keyboard.press('Enter');
  await ask(page, 'What is the capital?');
  await page.locator('.verdict').waitFor();
  assert.equal(await page.evaluate('localStorage.length'), 0);
  await page.getByRole('tab', { name: 'Run' }).click();
  await page.frameLocator('iframe').locator('h1').waitFor();
  await page.reload();
  await page.locator('iframe').waitFor();
});

test('no detector: answers plainly, and every view says how to make one', { skip }, async (t) => {
  const mock = await startMockServe({ detector: false });
  const page = await openPage(t, mock.url);
  const command = page.getByText('npx hneurons find --model gemma-3-270m', { exact: true });
  await command.waitFor();
  await picture(page, 'no-detector');
  await assertAccessible(page);
  assert.equal(await page.getByRole('slider').count(), 0);
  await page.getByRole('tab', { name: 'Neurons' }).click();
  await command.and(page.locator(':visible')).waitFor();
  await page.getByRole('tab', { name: 'Run' }).click();
  await command.and(page.locator(':visible')).waitFor();
  await page.getByRole('tab', { name: 'Chat' }).click();
  await ask(page, 'What is the capital?');
  await answered(page);
  assert.equal(await page.locator('.words').innerText(), 'The capital is Velmorium.');
  assert.equal(await page.locator('[data-risk], .verdict').count(), 0);
  assert.equal(mock.asked[0].hneurons.cett, undefined);
});

test('where another server writes the answers there is nothing to turn', { skip }, async (t) => {
  const mock = await startMockServe({ upstream: true });
  const page = await openPage(t, mock.url);
  await page.getByText('so there is no alpha to turn').waitFor();
  assert.equal(await page.getByRole('slider').count(), 0);
  await ask(page, 'What is the capital?');
  await answered(page);
  await page.locator('.verdict').waitFor();
  assert.equal(mock.asked[0].hneurons.alpha, 1);
  await page.getByRole('tab', { name: 'Neurons' }).click();
  await page.getByText('so neurons cannot be switched off here').waitFor();
  assert.equal(await page.locator('.neurons input').count(), 0);
});

test('a detector without a run', { skip }, async (t) => {
  const mock = await startMockServe({ run: false });
  const page = await openPage(t, mock.url);
  await page.goto(`${mock.url}#run`);
  await page.getByRole('heading', { name: 'No run beside the detector' }).waitFor();
  await page.getByRole('tab', { name: 'Neurons' }).click();
  await page.getByText('There is none beside this detector').waitFor();
});

test('the run tells what alpha does and where the neurons come from, and survives a report of another version', {
  skip,
}, async (t) => {
  const report: Record<string, unknown> = {
    intervention: someIntervention(),
    origin: { summary: 'They move less than others.' },
    table: { summary: 'It beats them on all.' },
  };
  const mock = await startMockServe({ report });
  const page = await openPage(t, mock.url, { expected: /Cannot read properties/ });
  await page.getByRole('tab', { name: 'Run' }).click();
  await page.getByRole('heading', { name: 'False premise' }).waitFor();
  const premise = page.locator('.benchmarks > div').nth(1);
  assert.match(
    await premise.innerText(),
    /goes along when it agrees with the wrong value.*\n0\s+53\s%\s+68\s%\n.*\n3\s+10\s%\s+10\s%\n.*the opposite of what was published\. Its twins go the same way/s,
  );
  await page
    .getByText('more so than with the 2 other sets of neurons that were turned: too few to tell')
    .waitFor();
  await page.getByText('the log-likelihood of plain English changes by −0.13 a token').waitFor();
  await page.getByText('They move less than others.').waitFor();
  await page.getByText('It beats them on all.').waitFor();
  // Sentences begin as sentences do, and none is told twice.
  const sentences = await page.locator('.run p').allInnerTexts();
  assert.deepEqual(
    sentences.filter((text) => !/^\p{Lu}/u.test(text) || /^Doubt: complies/.test(text)),
    [],
  );
  await page.locator('.benchmarks').scrollIntoViewIfNeeded();
  await assertAccessible(page);
  await picture(page, 'run-findings');
  report.test = null;
  await page.goto(mock.url);
  await page.reload();
  await page.getByRole('tab', { name: 'Run' }).click();
  await page.getByRole('heading', { name: 'This view cannot be shown' }).waitFor();
  await page.getByRole('tab', { name: 'Chat' }).click();
  await page.getByRole('heading', { name: 'See where a model makes things up' }).waitFor();
});

test('each of two columns goes on with its own answers, and a new chat with none', { skip }, async (t) => {
  const mock = await startMockServe();
  const page = await openPage(t, mock.url);
  await page.getByLabel('Compare two').check();
  await ask(page, 'First?');
  await answered(page);
  await ask(page, 'Second?');
  await page.locator('.answer').nth(3).waitFor();
  await answered(page);
  const said = (column: number) => mock.asked[2 + column].messages.map(({ content }) => content);
  assert.deepEqual(said(0), ['First?', 'The capital is Velmorium.', 'Second?']);
  assert.deepEqual(said(1), ['First?', 'I do not know.', 'Second?']);
  assert.deepEqual(
    mock.asked.map(({ hneurons }) => hneurons.alpha),
    [1, 0, 1, 0],
  );
  await page.getByRole('button', { name: 'New chat' }).click();
  await ask(page, 'Third?');
  await answered(page);
  assert.equal(mock.asked[4].messages.length, 1);
});

test('tabs follow the arrow keys', { skip }, async (t) => {
  const mock = await startMockServe();
  const page = await openPage(t, mock.url);
  await page.getByRole('tab', { name: 'Chat' }).focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Neurons');
  await page.locator('.neurons').waitFor();
  await page.keyboard.press('End');
  await page.locator('.run').waitFor();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate('document.activeElement.id'), 'tab-chat');
  assert.equal(await page.evaluate('document.querySelectorAll("[role=tab][tabindex=\\"0\\"]").length'), 1);
});

test('hostile answers stay text, and within a phone', { skip }, async (t) => {
  const mock = await startMockServe();
  const odd = [
    '<img src=x onerror=alert(1)>',
    ' </span><script>alert(2)</script>',
    ` ${'W'.repeat(400)}`,
    ' שלום עולם',
    ' 日本の首都は東京です。',
    '👩‍👩‍👧‍👦',
    '\n\n\n',
    '\u202e evil',
  ];
  mock.say = () => odd;
  const page = await openPage(t, mock.url, { width: 390, height: 844 });
  await ask(page, '<b>What</b> is "this"?');
  await answered(page);
  assert.equal(await page.locator('.prompt').innerText(), '<b>What</b> is "this"?');
  assert.equal(await page.locator('.words img, .words script').count(), 0);
  assert.equal(await page.locator('.answer > .sr-only').textContent(), odd.join(''));
  await assertAccessible(page);
  await picture(page, 'hostile-390');
});

for (const [width, height, scheme] of [
  [1280, 800, 'light'],
  [390, 844, 'dark'],
] as const) {
  test(`all views at ${width} pixels, ${scheme}: named, legible, within the page`, { skip }, async (t) => {
    const mock = await startMockServe();
    const page = await openPage(t, mock.url, { width, height, scheme });
    await page.locator('.welcome').waitFor();
    await assertAccessible(page);
    await page.getByLabel('Compare two').check();
    await page.getByText('Settings').click();
    await ask(page, 'What is the capital?');
    await answered(page);
    await page.getByLabel('Numbers').check();
    await assertAccessible(page);
    await page.getByRole('tab', { name: 'Neurons' }).click();
    await page.getByText('Drive it most').waitFor();
    await page.getByRole('heading', { name: 'What it writes' }).waitFor();
    await assertAccessible(page);
    await page.getByRole('tab', { name: 'Run' }).click();
    await page.frameLocator('iframe').locator('h1').waitFor();
    await assertAccessible(page);
    const paper = (await page.evaluate('getComputedStyle(document.body).backgroundColor')) as string;
    const [red] = paper.match(/\d+/g)!.map(Number);
    assert.ok(scheme === 'dark' ? red < 60 : red > 200, paper);
  });
}
