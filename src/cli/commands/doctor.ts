import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { integer, type OutputOptions } from '../options.js';
import type { Session } from '../session.js';

interface DoctorFlags extends OutputOptions {
  library?: string;
  threads?: number;
  /** False with `--no-speed`. */
  speed: boolean;
}

export function addDoctor(program: Command, session: Session): void {
  program
    .command('doctor')
    .description('what this machine has, and what works on it; for a bug report')
    .option('--library <folder>', 'examine your own llama.cpp build in place of the installed packages')
    .option('--threads <n>', 'CPU threads of the speed test', integer(1, 1024))
    .option('--no-speed', 'leave the speed test out')
    .option('--json', 'print the result as JSON on stdout')
    .addHelpText('after', '\nDownloads nothing. Exit code 0 if the default job can run here, 1 if not.')
    .action((flags: DoctorFlags) => runDoctor(session, flags));
}

/** @throws UserError after the report, if the default job cannot run. */
async function runDoctor(session: Session, flags: DoctorFlags): Promise<void> {
  const { examine } = await import('../../doctor/examine.js');
  const { library, threads, speed } = flags;
  const { version, signal } = session;
  const { openEngine } = session.environment;
  const report = await examine({ version, env: process.env, openEngine, library, threads, speed, signal });
  if (flags.json) session.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const { doctorText } = await import('../../doctor/text.js');
    session.stdout.write(doctorText(report));
  }
  if (!report.ok) throw new UserError(`the default job cannot run here: ${report.checks[0].reason}`);
}
