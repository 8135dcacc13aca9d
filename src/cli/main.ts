import { CommanderError } from 'commander';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { type Environment, packageVersion, realEnvironment } from './environment.js';
import { guardOutput, type OutputStream } from './output.js';
import { buildProgram } from './program.js';
import type { Session } from './session.js';

interface Streams {
  stdout: OutputStream;
  stderr: OutputStream;
}

/** Runs the command line as a program: sets the exit code, and whatever goes wrong is one line. */
export async function runProgram(argv: string[]): Promise<void> {
  const fail = (error: unknown) => {
    guardOutput(process.stderr).write(`hneurons: ${explain(error)}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const code = await main(argv);
  process.exitCode = outputFailed ? 1 : code;
}

/** Work that does not notice a signal, such as a read that never ends, is given up after this time. */
const STOP_GRACE_MS = 5000;

const STOPPED = 'stopped; the same command goes on from here';

/**
 * The command line. Prints results on stdout, everything else on stderr.
 * @param argv arguments without node and script
 * @param streams where to print, for tests
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C
 */
export async function main(
  argv: string[],
  environment: Environment = realEnvironment,
  streams: Streams = process,
): Promise<number> {
  const stdout = guardOutput(streams.stdout);
  const stderr = guardOutput(streams.stderr);
  const controller = new AbortController();
  const { signal } = controller;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let grace: NodeJS.Timeout | undefined;
  // The first signal stops cleanly, the second at once. SIGTERM and SIGHUP (a closed terminal) count as well.
  const interrupt = (name: NodeJS.Signals): void => {
    if (signal.aborted) {
      // Should the exit wait for a blocked thread, a third signal ends it.
      for (const one of signals) process.off(one, interrupt);
      process.exit(130);
    }
    controller.abort(new Error('stopped'));
    // A server answers the requests that are under way, however long they take.
    if (session.drains) return;
    grace = setTimeout(() => {
      say(STOPPED);
      endBy(name);
    }, STOP_GRACE_MS).unref();
  };
  for (const name of signals) process.on(name, interrupt);
  guardStreams();
  const say = (text: string) => stderr.write(`hneurons: ${text}\n`);

  const session: Session = {
    environment,
    signal,
    command: argv,
    version: packageVersion(),
    stdout,
    stderr,
    screen: streams.stderr,
  };
  const program = buildProgram(session);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text) => say(oneLine(text.replace(/^error: /, ''))),
    });
  }
  try {
    // Nothing typed is a question for help, as with git, npm and cargo.
    await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (signal.aborted) {
      say(STOPPED);
      return 130;
    }
    if (error instanceof CommanderError) {
      // Help that was asked for is no mistake.
      return error.exitCode === 0 ? 0 : 2;
    }
    say(explain(error));
    if (process.env.HNEURONS_DEBUG === '1' && error instanceof Error) stderr.write(`${error.stack}\n`);
    return error instanceof UserError ? error.exitCode : 1;
  } finally {
    clearTimeout(grace);
    for (const name of signals) process.off(name, interrupt);
  }
}

/**
 * Ends this process by the signal's default action. `process.exit` would wait for a thread that is blocked in a system call, such
 * as the read of a file on a server that is gone. For Ctrl-C the shell reports 130 either way.
 */
function endBy(name: NodeJS.Signals): void {
  if (process.platform === 'win32') process.exit(130);
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

let streamsGuarded = false;
/** Set when results could not be written to stdout. */
let outputFailed = false;

/** A closed pipe (`| head`) ends the output, not the work. Anything else that stdout refuses is a failure, told in one line. */
function guardStreams(): void {
  if (streamsGuarded) return;
  streamsGuarded = true;
  // Nothing can be told where stderr is gone.
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || outputFailed) return;
    outputFailed = true;
    process.exitCode = 1;
    process.stderr.write(`hneurons: ${explain(fileError(error, 'write to', 'standard output'))}\n`);
  });
}

/** One line for any error. */
function explain(error: unknown): string {
  if (error instanceof UserError) return oneLine(error.message);
  const { code, syscall, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === 'ERR_MODULE_NOT_FOUND') {
    return `a part of the program is missing (${oneLine(message)}); install it again, or run "npm run build" in a clone`;
  }
  if (error instanceof RangeError && /memory/i.test(message)) {
    return `memory ran out (${oneLine(message)}); raise the limit (ulimit -v) or free some`;
  }
  // A failed system call (a full disk, a missing permission) is no bug.
  if (code !== undefined && syscall !== undefined) return oneLine(message);
  return `unexpected error: ${oneLine(String(message ?? error))}; please report it with what HNEURONS_DEBUG=1 prints`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
