import { UserError } from '../../errors.js';
import type { OomVerdict } from './oom.js';

/** How the native process ended, and what is known about it. */
export interface Ending {
  signal: NodeJS.Signals | null;
  code: number | null;
  /** End of what it wrote to stderr. */
  stderr: string;
  /** The call that was running; `starting` before the process answers at all. */
  running: string;
  /** The file that the message names. */
  subject: string;
  /** Folder of the user's own llama.cpp build, if one was named. */
  library?: string;
  /** Whether the kernel has killed for lack of memory since the process started. */
  oom: OomVerdict;
}

const DOING: Record<string, string> = {
  starting: 'starting',
  load: 'loading',
  sample: 'sampling from',
  read: 'reading neurons of',
  liveOpen: 'generating with',
  tokenize: 'tokenising for',
  columnNorms: 'reading weights of',
};

/** Windows reports a crash as the code of an exception. */
const EXCEPTIONS: Record<number, { name: string; like: string }> = {
  3221225477: { name: 'access violation', like: 'SIGSEGV' },
  3221225478: { name: 'in-page error', like: 'SIGBUS' },
  3221225495: { name: 'no memory', like: 'memory' },
  3221225501: { name: 'illegal instruction', like: 'SIGILL' },
  3221225620: { name: 'integer division by zero', like: 'SIGFPE' },
  3221225725: { name: 'stack overflow', like: 'SIGSEGV' },
  3221225773: { name: 'commitment limit', like: 'memory' },
  3221225781: { name: 'DLL not found', like: 'library' },
  3221225785: { name: 'entry point not found', like: 'library' },
  3221225786: { name: 'Ctrl-C', like: 'SIGINT' },
  3221225794: { name: 'DLL initialisation failed', like: 'library' },
  3221226356: { name: 'heap corruption', like: 'SIGABRT' },
  3221226505: { name: 'fast fail', like: 'SIGABRT' },
  3228369022: { name: 'module not found', like: 'library' },
  3765269347: { name: 'C++ exception', like: 'SIGABRT' },
};

const LESS_MEMORY = 'use a smaller model or quantisation, or close other programs';
const NATIVE_FAULT =
  'the file is damaged, or llama.cpp has a fault: check the file or download it again, or try another quantisation';
const COMPLAINT = /error|assert|failed|unable to|terminate|exception|out of memory|heap limit/i;
const NATIVE_MEMORY = /bad_alloc|out of memory|cannot allocate|failed to allocate|unable to allocate/i;
const NODE_MEMORY = /JavaScript heap out of memory|Reached heap limit|Zone Allocation failed/i;

/** The error for a native process that is gone: one line with what is known about the cause, and what to do. */
export function crashError(ending: Ending): UserError {
  const { signal, code, stderr, running, subject } = ending;
  const exception = code === null ? undefined : EXCEPTIONS[code >>> 0];
  const how = signal ?? (exception ? exception.name : `exit code ${code}`);
  const kind = signal ?? exception?.like ?? (running === 'starting' ? 'start' : 'exit');
  const complaints = stderr.split(/[\r\n]+/).filter((line) => COMPLAINT.test(line));
  const last = complaints.at(-1)?.trim();
  const detail = last ? `: "${shorten(last)}"` : '';
  const doing = DOING[running] ?? 'working on';
  return new UserError(
    `llama.cpp's process ended (${how}) while ${doing} ${subject}${detail}; ${causeOf(kind, ending)}`,
  );
}

function causeOf(kind: string, { stderr, library, oom }: Ending): string {
  switch (kind) {
    case 'SIGILL':
      return library === undefined
        ? 'illegal instruction: this processor, or its emulator, lacks one that the prebuilt llama.cpp uses; name the folder of a build for this machine'
        : `illegal instruction: the llama.cpp build in ${library} is for another processor; name a build for this machine, or none to use the prebuilt one`;
    case 'SIGBUS':
      return 'a part of the mapped file could not be read: it was changed or truncated meanwhile, or its disk or network share failed; check the file and run the command again';
    case 'SIGKILL':
      return killed(oom);
    case 'SIGTERM':
    case 'SIGHUP':
    case 'SIGINT':
    case 'SIGQUIT':
    case 'SIGUSR1':
    case 'SIGUSR2':
    case 'SIGALRM':
      return 'it was stopped from outside, by a person or a program; run the command again';
    case 'SIGXCPU':
      return 'its limit of processor time is used up; raise it (ulimit -t) and run the command again';
    case 'SIGSYS':
      return 'a sandbox forbids a system call that it needs; run it outside the sandbox';
    case 'memory':
      return `memory ran out: ${LESS_MEMORY}`;
    case 'library':
      return library === undefined
        ? 'a system library is missing: install the Microsoft Visual C++ runtime'
        : `the llama.cpp build in ${library} needs a library that is missing; put it beside the others, or name no folder`;
    case 'start':
      return 'the native process could not start: install hneurons again on this machine';
    case 'exit':
      return 'it could not go on, or was ended from outside: run the command again, and report it if that repeats';
    default:
      if (NODE_MEMORY.test(stderr))
        return 'the JavaScript memory of the native process ran out: the input is too large; shorten or split it';
      return NATIVE_MEMORY.test(stderr) ? `memory ran out: ${LESS_MEMORY}` : NATIVE_FAULT;
  }
}

function killed(oom: OomVerdict): string {
  switch (oom) {
    case 'group':
      return `the kernel killed it for lack of memory (limit of this container or control group): raise the limit, or ${LESS_MEMORY}`;
    case 'machine':
      return `it was killed from outside, probably by the kernel, which ran out of memory meanwhile: ${LESS_MEMORY}`;
    case 'none':
      return 'it was killed from outside, by a person or a program; the kernel reports no lack of memory';
    case 'unknown':
      return `it was killed from outside: by a person or a program, or by the system for lack of memory (then ${LESS_MEMORY})`;
  }
}

const DETAIL_CHARACTERS = 200;

/** A line of a log made fit for a message: without control characters, cut where it is long. */
function shorten(line: string): string {
  return line.slice(0, DETAIL_CHARACTERS).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
