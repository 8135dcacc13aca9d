/**
 * A reporter for Node's test runner: a line a test, then each failure with its reason, then the counts. What failed
 * stands at the end, where a log that is cut keeps it. What tests print (llama.cpp prints much) is kept for failures.
 */
import { relative } from 'node:path';
import { inspect } from 'node:util';

const ownCount = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

const LINES_KEPT = 40;

export default async function* reporter(source) {
  const failures = [];
  /** The last lines that each file printed. */
  const printed = new Map();
  let passed = 0;
  let skipped = 0;
  for await (const { type, data } of source) {
    if (type === 'test:diagnostic' && !ownCount.test(data.message)) yield `  ${data.message}\n`;
    if (type === 'test:stderr' || type === 'test:stdout') {
      const lines = ((printed.get(data.file) ?? '') + data.message).split('\n');
      printed.set(data.file, lines.slice(-LINES_KEPT).join('\n'));
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const indent = '  '.repeat(data.nesting);
    const line = `${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)\n`;
    if (type === 'test:fail') {
      yield `${indent}not ok ${line}`;
      // A parent fails with its subtests: they are told, and counted, once.
      if (data.details.error?.failureType !== 'subtestsFailed') failures.push(data);
    } else if (data.skip !== undefined) {
      yield `${indent}skipped ${line}`;
      skipped++;
    } else {
      yield `${indent}ok ${line}`;
      if (data.details.type !== 'suite') passed++;
    }
  }
  for (const { name, file, line, details } of failures) {
    const error = details.error?.cause ?? details.error;
    yield `\nfailed: ${name}\n  ${file === undefined ? '' : relative(process.cwd(), file)}:${line ?? ''}\n${inspect(error)}\n`;
  }
  for (const file of new Set(failures.map(({ file }) => file)))
    if (printed.has(file)) yield `\nprinted in ${relative(process.cwd(), file)}:\n${printed.get(file)}\n`;
  yield `\n${passed} passed, ${failures.length} failed, ${skipped} skipped\n`;
}
