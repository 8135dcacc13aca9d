import type { DoctorReport } from './schema.js';

const OLDEST_NODE = [20, 19];
const TESTED_NODE = [20, 22, 24];

/** The runtime by `process.versions`, and whether this program supports it. */
export function describeRuntime(versions: Record<string, string | undefined>): DoctorReport['runtime'] {
  const { bun, deno, node = '0' } = versions;
  if (bun !== undefined)
    return { name: 'Bun', version: bun, supported: true, note: 'tried by hand, not part of the tests' };
  if (deno !== undefined)
    return { name: 'Deno', version: deno, supported: true, note: 'tried by hand, not part of the tests' };
  const [major, minor = 0] = node.split('.').map(Number);
  const oldest = OLDEST_NODE.join('.');
  if (!(major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])))
    return {
      name: 'Node',
      version: node,
      supported: false,
      note: `too old: install Node ${oldest} or newer`,
    };
  const note = TESTED_NODE.includes(major) ? 'supported' : `not tested; ${TESTED_NODE.join(', ')} are`;
  return { name: 'Node', version: node, supported: true, note };
}
