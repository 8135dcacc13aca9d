import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer, type ViteDevServer } from 'vite';

/** How an answer and the risks of its tokens become words. The page's own modules, as Vite loads them. */
interface Word {
  text: string;
  risk?: number;
  tokens: number;
}
let vite: ViteDevServer;
let toWords: (text: string, tokens: ({ text: string; risk: number } | undefined)[]) => Word[];
let percent: (p: number) => string;
let riskStep: (p: number) => number;

before(async () => {
  const root = fileURLToPath(new URL('../../../web', import.meta.url));
  vite = await createServer({
    root,
    configFile: false,
    logLevel: 'error',
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
  });
  ({ toWords, percent, riskStep } = (await vite.ssrLoadModule('/src/chat/words.ts')) as never);
});
after(() => vite.close());

/** Words as `text:risk`, white space as it is. */
function shown(text: string, tokens: [string, number][]): string[] {
  return toWords(
    text,
    tokens.map(([text, risk]) => ({ text, risk })),
  ).map(({ text, risk }) => (risk === undefined ? text : `${text}:${risk}`));
}

test('a word has the highest risk of its tokens, and keeps its punctuation', () => {
  assert.deepEqual(
    shown('Lima, (Perú)!', [
      ['L', 0.1],
      ['ima', 0.4],
      [',', 0.2],
      [' (', 0.3],
      ['Per', 0.6],
      ['ú', 0.5],
      [')!', 0.9],
    ]),
    ['Lima,:0.4', ' ', '(Perú)!:0.9'],
  );
});

test('white space that a token brings along is not coloured, and a token over two words counts for both', () => {
  assert.deepEqual(
    shown('in New York', [
      ['in', 0.1],
      [' New Y', 0.7],
      ['ork', 0.2],
    ]),
    ['in:0.1', ' ', 'New:0.7', ' ', 'York:0.7'],
  );
});

test('risks that have not come yet, that were trimmed, or that belong to another text', () => {
  assert.deepEqual(shown('Lima is', [['Lima', 0.1]]), ['Lima:0.1', ' ', 'is']);
  assert.deepEqual(toWords('a b', [undefined, { text: ' b', risk: 0.5 }]).at(-1)?.risk, 0.5);
  assert.deepEqual(shown('Lima', [[' Lima', 0.3]]), ['Lima:0.3']);
  assert.deepEqual(shown('Lima', [['Paris', 0.9]]), ['Lima']);
  assert.deepEqual(shown('', [['Paris', 0.9]]), []);
});

test('the same word twice is two words', () => {
  assert.deepEqual(
    shown('no no', [
      ['no', 0.1],
      [' no', 0.8],
    ]),
    ['no:0.1', ' ', 'no:0.8'],
  );
});

test('scripts without spaces are cut between words', () => {
  const words = toWords('東京は日本の首都です。', [{ text: '東京は日本の首都です。', risk: 0.5 }]);
  assert.ok(words.length > 3, JSON.stringify(words));
  assert.equal(words.map(({ text }) => text).join(''), '東京は日本の首都です。');
  assert.ok(words.every(({ risk }) => risk === 0.5));
});

test('percentages are never rounded to certainty', () => {
  assert.deepEqual(
    [0, 0.004, 0.05, 0.5, 0.995, 1].map((p) => percent(p).replace('\u00a0', ' ')),
    ['0 %', 'under 1 %', '5 %', '50 %', 'over 99 %', '100 %'],
  );
  assert.deepEqual([0, 0.19, 0.2, 0.99, 1].map(riskStep), [0, 0, 1, 4, 4]);
});
