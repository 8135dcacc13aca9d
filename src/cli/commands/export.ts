import { type Command, InvalidArgumentError } from 'commander';
import { UserError } from '../../errors.js';
import type { Export } from '../../exchange/export-run.js';
import { addOutput, type OutputOptions } from '../options.js';
import { onlyRun } from '../places.js';
import { type Session, withProgress } from '../session.js';

interface ExportFlags extends OutputOptions {
  run?: string;
  out?: string;
  format?: Export[];
  force?: boolean;
}

const FORMATS: Export[] = ['samples', 'answer-tokens', 'ids', 'activations', 'classifier'];

/** `hneurons export`: what the paper's published scripts read, from a run folder. */
export function addExport(program: Command, session: Session): void {
  const command = program
    .command('export')
    .description("what the paper's published scripts read, from a run folder")
    .option('--run <folder>', 'run folder (default: the only one)')
    .option('--out <folder>', 'where to write')
    .option('--format <formats>', `some of ${FORMATS.join(',')} (default: all that the run has)`, formats)
    .option('--force', 'write into a folder that holds other files too');
  addOutput(command)
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons export --run runs/gemma-3-270m-builtin --out published
  $ hneurons export --format activations,ids --out published`,
    )
    .action((flags: ExportFlags) => runExport(session, flags));
}

function formats(text: string): Export[] {
  return text.split(',').map((part) => {
    const format = FORMATS.find((name) => name === part.trim());
    if (format === undefined) throw new InvalidArgumentError(`It must be some of ${FORMATS.join(',')}.`);
    return format;
  });
}

async function runExport(session: Session, flags: ExportFlags): Promise<void> {
  const { out } = flags;
  if (out === undefined) throw new UserError('export needs --out FOLDER, where to write', { exitCode: 2 });
  const { exportRun } = await import('../../exchange/export-run.js');
  const exported = await withProgress(session, flags, (emit) => {
    emit({ type: 'start', step: 'export', label: 'export' });
    return exportRun({
      run: flags.run ?? onlyRun(),
      out,
      formats: flags.format,
      force: flags.force,
      signal: session.signal,
      onProgress: (done, total) => emit({ type: 'progress', step: 'export', done, total, unit: 'samples' }),
    });
  });
  if (flags.json) {
    session.stdout.write(`${JSON.stringify({ out, exported })}\n`);
    return;
  }
  for (const { format, files, counts, undecided } of exported) {
    const parts = files.map((file, i) => `${file} (${counts[i]})`).join(', ');
    const left = undecided ? `; ${undecided} questions without a class left out` : '';
    session.stdout.write(`${format}: ${parts}${left}\n`);
  }
}
