import type { RawRow } from './rows.js';

/** One request is under way at a time; each has one reply. */
export type Request =
  | { kind: 'open'; path: string }
  /** Begins with the first row again; the reply is the first batch. */
  | { kind: 'read'; wanted: readonly string[] }
  | { kind: 'next' }
  | { kind: 'close' };

export type Reply =
  | { kind: 'opened'; columns: string[]; rows: number }
  /** Undefined behind the last batch. */
  | { kind: 'batch'; rows: RawRow[] | undefined }
  | { kind: 'closed' }
  /** The file is damaged. */
  | { kind: 'damaged'; reason: string }
  /** A system call failed. */
  | { kind: 'failed'; code: string; syscall: string };
