import { CommanderError } from 'commander';
import { UserError } from '../errors.js';
import { type Environment, packageVersion, realEnvironment } from './environment.js';
import { buildProgram } from './program.js';
import type { Session } from './session.js';

type Streams = Pick<Session, 'stdout' | 'stderr'>;

/**
 * The command line. Prints results on stdout, everything else on stderr.
 * @param argv arguments without node and script
 * @param streams where to print, for tests
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C
 */
export async function main(
  argv: string[],
  environment: Environment = realEnvironment,
  { stdout, stderr }: Streams = process,
): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  // The first signal stops cleanly, the second at once. SIGTERM and SIGHUP (a closed terminal) count as well.
  const interrupt = (): void => {
    if (signal.aborted) process.exit(130);
    controller.abort(new Error('stopped'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  ignoreClosedPipes();
  const say = (text: string) => stderr.write(`hneurons: ${text}\n`);

  const program = buildProgram({
    environment,
    signal,
    command: argv,
    version: packageVersion(),
    stdout,
    stderr,
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text) => say(oneLine(text.replace(/^error: /, ''))),
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (signal.aborted) {
      say('stopped; the same command goes on from here');
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
    for (const name of signals) process.off(name, interrupt);
  }
}

let pipesGuarded = false;

/** A closed pipe (`| head`) ends the output, not the work. */
function ignoreClosedPipes(): void {
  if (pipesGuarded) return;
  pipesGuarded = true;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** One line for any error. */
function explain(error: unknown): string {
  if (error instanceof UserError) return oneLine(error.message);
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  // A failed system call (a full disk, a missing permission) is no bug.
  if (code !== undefined && syscall !== undefined) return oneLine(message);
  return `unexpected error: ${oneLine(String(message ?? error))}; please report it with what HNEURONS_DEBUG=1 prints`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
