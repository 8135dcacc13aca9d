import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../../web', import.meta.url));
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

test('the page is under 400 KB compressed, all files together', (t) => {
  const bytes = files.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
  t.diagnostic(`${(bytes / 1000).toFixed(1)} KB`);
  assert.ok(bytes > 10_000 && bytes < 400_000, `${bytes}`);
});

test('the page names no other host to load from, and no font', () => {
  for (const path of files.filter((path) => /\.(html|css)$/.test(path))) {
    const text = readFileSync(path, 'utf8');
    assert.doesNotMatch(
      text,
      /(src|href)="?(https?:)?\/\/|url\(\s*["']?(https?:)?\/\/|@import|@font-face/,
      path,
    );
  }
});
