import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** State of a process of this machine: `start` is a mark of its start, which another process with the same id does not share. */
export type ProcessState = { running: false } | { running: true; start?: string };

/** True if a process of this machine is running, ours or not. A zombie, which its parent has not reaped yet, is not. */
export function isRunning(pid: number): boolean {
  return processState(pid).running;
}

/** Returns whether a process is running, and when it was started where the system tells. */
export function processState(pid: number): ProcessState {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return { running: false };
  }
  if (process.platform === 'linux') return stateInProc(pid);
  return process.platform === 'win32' ? { running: true } : stateByPs(pid);
}

/** Reads `/proc/PID/stat`: `PID (NAME) STATE ...`, of which field 22 is the start in clock ticks since boot. */
function stateInProc(pid: number): ProcessState {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // No /proc, or processes of other users are hidden in it.
    return { running: true };
  }
  // The name may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return isDead(fields[0]) ? { running: false } : { running: true, start: fields[19] };
}

/** Asks `ps`, as on macOS and BSD. */
export function stateByPs(pid: number): ProcessState {
  const { status, stdout } = spawnSync('ps', ['-p', String(pid), '-o', 'stat=,lstart='], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  const [, state, start] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout ?? '') ?? [];
  if (status !== 0 || start === undefined) return { running: true };
  return isDead(state) ? { running: false } : { running: true, start };
}

/** True for a zombie, and for a process that is just being removed. */
function isDead(state: string): boolean {
  return /^[ZXx]/.test(state);
}

/**
 * A mark of the machine, its boot and the container that process ids belong to; undefined where the system does not tell. Two
 * processes with one mark see each other's ids.
 */
export function processSpace(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}
