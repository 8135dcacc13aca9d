import { readFileSync } from 'node:fs';
import { UserError } from '../../errors.js';

/** Processor time for the first few tokens of the smallest model: a computation that takes longer does not end. */
const BASE_MS = 10 * 60_000;
/** Bytes of weights that are read and multiplied in a millisecond at least: a thousandth of what a slow machine does. */
const BYTES_PER_MS = 1000;
const TICK_MS = 10;
const INTERVAL_MS = 5000;

/** Longest time that the first tokens of a model may take, ms. */
export function probeLimit(weightBytes: number): number {
  return BASE_MS + weightBytes / BYTES_PER_MS;
}

/** The error for a model that has computed for so long without a result. */
export function stalled(subject: string, limit: number): UserError {
  return new UserError(
    `${subject}: the model has not computed its first tokens in ${Math.round(limit / 60_000)} minutes of processor time: the file is damaged; download it again`,
  );
}

/**
 * Processor time of a process, ms; where the system does not tell, the time that has passed since `started`. A busy machine or a
 * suspended process does not count against it.
 * @param stat text of /proc/PID/stat
 */
export function processorTime(stat: string | undefined, started: number, now: number): number {
  // Behind the name, which may hold spaces: state is the first field, utime and stime are the 12th and 13th.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields ? Number(fields[11]) + Number(fields[12]) : Number.NaN;
  return Number.isFinite(ticks) ? ticks * TICK_MS : now - started;
}

/**
 * Calls `onStall` when the process has computed longer than `limit` from now on.
 * @returns ends the watch
 */
export function watchProcess(pid: number, limit: number, onStall: () => void): () => void {
  const started = performance.now();
  const time = () => processorTime(readStat(pid), started, performance.now());
  const before = time();
  const timer = setInterval(() => {
    if (time() - before <= limit) return;
    clearInterval(timer);
    onStall();
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
}
