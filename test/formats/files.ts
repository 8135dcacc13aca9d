import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { UserError } from '../../src/errors.js';

/** A folder that is gone after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hneurons-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** For `assert.rejects` and `assert.throws`: a UserError of one line whose text matches. */
export function userError(...patterns: RegExp[]) {
  return (error: unknown) => {
    if (!(error instanceof UserError)) return false;
    return !error.message.includes('\n') && patterns.every((pattern) => pattern.test(error.message));
  };
}
