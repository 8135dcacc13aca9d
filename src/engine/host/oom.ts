import { readFileSync } from 'node:fs';

/** Counts of processes that the Linux kernel has killed for lack of memory, as far as they can be read. */
export interface OomKills {
  /** In the control group (container) of this process. */
  group?: number;
  /** On the whole machine. */
  machine?: number;
}

/** What a comparison of two counts says about one process that got SIGKILL in between. */
export type OomVerdict = 'group' | 'machine' | 'none' | 'unknown';

const MOUNT = '/sys/fs/cgroup';

/** Reads the counters; an empty object where there are none (other systems). `read` gives the text of a file, or undefined. */
export function countOomKills(read: (path: string) => string | undefined = readText): OomKills {
  if (process.platform !== 'linux') return {};
  const counts: OomKills = {};
  const machine = counter(read('/proc/vmstat'));
  if (machine !== undefined) counts.machine = machine;
  for (const path of groupFiles(read('/proc/self/cgroup') ?? '')) {
    const group = counter(read(path));
    if (group === undefined) continue;
    counts.group = group;
    break;
  }
  return counts;
}

/** Compares the counters before and after a process was killed. */
export function compareOomKills(before: OomKills, after: OomKills): OomVerdict {
  const grew = (kind: keyof OomKills) => (after[kind] ?? 0) > (before[kind] ?? 0);
  if (before.group !== undefined && grew('group')) return 'group';
  if (before.machine === undefined) return 'unknown';
  return grew('machine') ? 'machine' : 'none';
}

/** Files with the counter of a control group, of version 2 and 1; inside a container its own group is the root. */
function groupFiles(groups: string): string[] {
  const files: string[] = [];
  for (const line of groups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '') files.push(`${MOUNT}${path}/memory.events`, `${MOUNT}/memory.events`);
    else if (controllers.split(',').includes('memory'))
      files.push(`${MOUNT}/memory${path}/memory.oom_control`, `${MOUNT}/memory/memory.oom_control`);
  }
  return files;
}

function counter(text: string | undefined): number | undefined {
  const match = /^oom_kill (\d+)$/m.exec(text ?? '');
  return match ? Number(match[1]) : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
