/**
 * A reporter for Node's test runner: a line a test, then each failure with its reason, then the counts. What failed
 * stands at the end, where a log that is cut keeps it.
 */
import { relative } from 'node:path';
import { inspect } from 'node:util';

const ownCount = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* reporter(source) {
  const failures = [];
  let passed = 0;
  let skipped = 0;
  for await (const { type, data } of source) {
    if (type === 'test:diagnostic' && !ownCount.test(data.message)) yield `  ${data.message}\n`;
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message;
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
  yield `\n${passed} passed, ${failures.length} failed, ${skipped} skipped\n`;
}
