import type { Command } from 'commander';
import { benchmarkSpecs, scoreSpecs } from '../benchmarks.js';
import { type ComplianceFlags, withCompliance } from '../compliance.js';
import { integer, number, parsedOption } from '../options.js';
import type { Session } from '../session.js';
import { addSteered } from '../steered-options.js';
import { alphas } from './intervene.js';

interface TuneFlags extends ComplianceFlags {
  maxScoreDrop: number;
  maxTwinDrop: number;
}

/** `hneurons tune`: the alpha that lowers compliance most at a bounded cost. */
export function addTune(program: Command, session: Session): void {
  const command = program
    .command('tune')
    .description('find the alpha that lowers compliance most at a bounded cost, and test it on other facts')
    .requiredOption('--detector <file>', 'detector.json of a run')
    .addOption(
      parsedOption(
        '--benchmark <list>',
        'as for intervene',
        benchmarkSpecs,
        'counterfactual,false-premise,doubt',
      ),
    )
    .addOption(
      parsedOption(
        '--alpha <values>',
        'alphas to try: FROM:TO:STEP, or values with commas',
        alphas,
        '0:2:0.2',
      ),
    )
    .option('--items <n>', 'items of each benchmark, half to search on and half to test on', integer(10), 60)
    .addOption(parsedOption('--score <sets>', 'plain questions, as for intervene', scoreSpecs, 'facts'))
    .option('--max-score-drop <x>', 'most that the share of right answers may fall', number(0, 1), 0.01)
    .option('--max-twin-drop <x>', 'most that the share of right twins may fall', number(0, 1), 0.05);
  addSteered(command)
    .addHelpText(
      'after',
      `
Example:
  $ hneurons tune --detector runs/gemma-3-270m-builtin/detector.json --benchmark counterfactual --max-score-drop 0.01`,
    )
    .action((flags: TuneFlags) => runTune(session, flags));
}

async function runTune(session: Session, flags: TuneFlags): Promise<void> {
  const { tune } = await import('../../pipeline/intervene/tune.js');
  const bounds = { scoreDrop: flags.maxScoreDrop, twinDrop: flags.maxTwinDrop };
  const controls = { random: 0, matched: 0 };
  const tuning = await withCompliance(session, { ...flags, controls }, (input, context) =>
    tune({ ...input, bounds }, context),
  );
  session.stdout.write(flags.json ? `${JSON.stringify(tuning)}\n` : `${tuning.summary}\n`);
}
