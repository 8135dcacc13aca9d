import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wantsColour } from '../../src/cli/colour.js';

test('colours are for terminals, and NO_COLOR and FORCE_COLOR are obeyed', () => {
  const terminal = { isTTY: true };
  assert.equal(wantsColour(terminal, { TERM: 'xterm' }), true);
  assert.equal(wantsColour(terminal, { TERM: 'dumb' }), false);
  assert.equal(wantsColour(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  assert.equal(wantsColour(terminal, { NO_COLOR: '' }), true);
  assert.equal(wantsColour({}, { FORCE_COLOR: '1' }), true);
  assert.equal(wantsColour(terminal, { FORCE_COLOR: '0' }), false);
});

test('what is piped into a file or a log is plain, on a CI machine as well', () => {
  assert.equal(wantsColour({}, { CI: 'true', TERM: 'xterm' }), false);
  assert.equal(wantsColour({ isTTY: false }, {}), false);
});
