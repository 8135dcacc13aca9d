import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import type { OutputOptions } from '../options.js';
import { addOutput } from '../options.js';
import { type Session, withProgress } from '../session.js';

interface CompareFlags extends OutputOptions {
  markdown?: boolean;
}

export function addCompare(program: Command, session: Session): void {
  const compare = program
    .command('compare')
    .description('two detectors side by side: shared neurons, layers, and how far their scores agree')
    .argument('<a>', 'detector.json, or a run folder')
    .argument('<b>', 'another one, of a model of the same shape')
    .option('--markdown', 'print tables in Markdown');
  addOutput(compare)
    .addHelpText(
      'after',
      `
Example:
  $ hneurons find --seed 2 --out runs/again
  $ hneurons compare runs/gemma-3-270m-builtin runs/again`,
    )
    .action((a: string, b: string, flags: CompareFlags) => runCompare(session, a, b, flags));
}

async function runCompare(session: Session, a: string, b: string, flags: CompareFlags): Promise<void> {
  if (flags.json && flags.markdown) {
    throw new UserError('give either --json or --markdown, not both', { exitCode: 2 });
  }
  const { compareDetectors, openSide } = await import('../../pipeline/compare.js');
  const comparison = await withProgress(session, flags, async () =>
    compareDetectors(await openSide(a), await openSide(b), session.signal),
  );
  if (flags.json) {
    session.stdout.write(`${JSON.stringify(comparison)}\n`);
    return;
  }
  const { comparisonMarkdown, comparisonText } = await import('./print-comparison.js');
  session.stdout.write(flags.markdown ? comparisonMarkdown(comparison) : comparisonText(comparison));
}
