import { dirname, join } from 'node:path';
import type { PromptKind } from '../engine/text/prompt.js';
import type { InterventionContext, InterventionInput } from '../pipeline/intervene/intervene.js';
import { type ChosenBenchmark, checkTemplate, judgeOf, openBenchmarks, openScores } from './benchmarks.js';
import { openComplianceJudgeOf } from './judges.js';
import type { EngineFlags, JudgeFlags, OutputOptions } from './options.js';
import { type Session, withProgress } from './session.js';
import { openSteered } from './steered.js';

/** What every command that measures compliance takes. */
export interface ComplianceFlags extends OutputOptions, EngineFlags, JudgeFlags {
  detector: string;
  model?: string;
  benchmark: ChosenBenchmark[];
  template?: string;
  alpha: number[];
  items: number;
  score: string[];
  promptStyle?: PromptKind;
  out?: string;
  seed?: number;
  force?: boolean;
}

/** Where results go. */
export const complianceFolder = ({ out, detector }: ComplianceFlags): string =>
  out ?? join(dirname(detector), 'intervention');

/**
 * Lends `work` all that compliance is measured with, while no other command writes into the folder of results.
 * @throws UserError for a benchmark without its template or judge or one of these without it, before anything is loaded; for a detector, a benchmark
 * or a set that cannot be used, or a folder that is in use
 */
export async function withCompliance<T>(
  session: Session,
  flags: ComplianceFlags & { controls: { random: number; matched: number } },
  work: (input: InterventionInput, context: InterventionContext) => Promise<T>,
): Promise<T> {
  checkTemplate(flags);
  const judge = judgeOf(flags);
  const out = complianceFolder(flags);
  return withProgress(session, flags, (emit) =>
    openSteered(session, { ...flags, out }, emit, async (steered) => {
      const input = {
        ...steered,
        alphas: flags.alpha,
        benchmarks: await openBenchmarks(session, flags, steered, emit),
        scores: await openScores(session, flags, steered, emit),
        openJudge: (about: 'premise' | 'harm') => openComplianceJudgeOf(session, flags, judge, about, emit),
        out,
      };
      const { signal, version, command } = session;
      return work(input, { emit, signal, version, command });
    }),
  );
}
