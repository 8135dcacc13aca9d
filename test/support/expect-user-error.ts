import assert from 'node:assert/strict';
import { UserError } from '../../src/errors.js';

/** Runs `action`, which must end in a UserError of one line that matches all patterns. */
export async function expectUserError(action: () => unknown, ...patterns: RegExp[]): Promise<void> {
  let caught: unknown;
  try {
    await action();
  } catch (error) {
    caught = error;
  }
  if (!(caught instanceof UserError)) {
    assert.fail(
      `expected a UserError, got ${caught === undefined ? 'none' : ((caught as Error).stack ?? caught)}`,
    );
  }
  assert.doesNotMatch(caught.message, /[\n\r]/, 'the message is one line');
  for (const pattern of patterns) assert.match(caught.message, pattern);
}
