import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A folder for one test file, removed when its tests are done. Call it at the top level of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hneurons-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
