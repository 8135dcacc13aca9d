#!/usr/bin/env node
import { fileURLToPath } from 'node:url';

const OLDEST = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);

/** Prints one line and sets the exit code. */
function refuse(message) {
  process.stderr.write(`hneurons: ${message}\n`);
  process.exitCode = 1;
}

/** One line for a program that cannot be loaded: dependencies or build are missing or of another version. */
function cannotLoad(error) {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const { code, message = '' } = error;
  if (code === 'ERR_MODULE_NOT_FOUND' && message.startsWith('Cannot find package')) {
    return `the package ${message.split("'")[1]} is not installed; run "npm ci" in ${folder}`;
  }
  if (code === 'ERR_MODULE_NOT_FOUND' || error instanceof SyntaxError) {
    return `the program is not built, or only in part; run "npm ci && npm run build" in ${folder}`;
  }
  return undefined;
}

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  refuse(`Node ${OLDEST.join('.')} or newer is needed, this is Node ${process.versions.node}`);
} else {
  try {
    const { runProgram } = await import('../dist/src/cli/main.js');
    await runProgram(process.argv.slice(2));
  } catch (error) {
    const message = cannotLoad(error);
    if (message === undefined) throw error;
    refuse(message);
  }
}
