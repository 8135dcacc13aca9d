import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { PromptKind } from '../../engine/text/prompt.js';
import {
  benchmarkSpecs,
  type ChosenBenchmark,
  openBenchmarks,
  openScores,
  requireTemplate,
} from '../benchmarks.js';
import { judgeSettings, openComplianceJudgeOf } from '../judges.js';
import { type EngineFlags, integer, type JudgeFlags, number, type OutputOptions } from '../options.js';
import { type Session, withProgress } from '../session.js';
import { openSteered } from '../steered.js';
import { addSteered } from '../steered-options.js';
import { alphas } from './intervene.js';

interface TuneFlags extends OutputOptions, EngineFlags, JudgeFlags {
  detector: string;
  model?: string;
  benchmark: ChosenBenchmark[];
  template?: string;
  alpha: number[];
  items: number;
  score: string;
  maxScoreDrop: number;
  maxTwinDrop: number;
  promptStyle?: PromptKind;
  out?: string;
  seed?: number;
  force?: boolean;
}

/** `hneurons tune`: the alpha that lowers compliance most at a bounded cost. */
export function addTune(program: Command, session: Session): void {
  const command = program
    .command('tune')
    .description('find the alpha that lowers compliance most at a bounded cost, and test it on other facts')
    .requiredOption('--detector <file>', 'detector.json of a run')
    .option(
      '--benchmark <list>',
      'as for intervene',
      benchmarkSpecs,
      benchmarkSpecs('counterfactual,false-premise,doubt'),
    )
    .option(
      '--alpha <values>',
      'alphas to try: FROM:TO:STEP, or values with commas',
      alphas,
      alphas('0:2:0.2'),
    )
    .option('--items <n>', 'items of each benchmark, half to search on and half to test on', integer(10), 60)
    .option('--score <sets>', 'plain questions: facts, triviaqa, NAME=FILE', 'facts')
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
  const { lock } = await import('../../pipeline/run-folder.js');
  const { judge } = await judgeSettings(flags);
  requireTemplate(flags);
  const out = flags.out ?? join(dirname(flags.detector), 'intervention');
  const tuning = await withProgress(session, flags, async (emit) => {
    const unlock = lock(out);
    try {
      const controls = { random: 0, matched: 0 };
      return await openSteered(session, { ...flags, controls, out }, emit, async (steered) =>
        tune(
          {
            ...steered,
            alphas: flags.alpha,
            benchmarks: await openBenchmarks(session, flags, steered, emit),
            scores: await openScores(session, flags, steered, emit),
            bounds: { scoreDrop: flags.maxScoreDrop, twinDrop: flags.maxTwinDrop },
            openJudge: (about) => openComplianceJudgeOf(session, flags, judge, about, emit),
            out,
          },
          { emit, signal: session.signal, version: session.version, command: session.command },
        ),
      );
    } finally {
      unlock();
    }
  });
  session.stdout.write(flags.json ? `${JSON.stringify(tuning)}\n` : `${tuning.summary}\n`);
}
