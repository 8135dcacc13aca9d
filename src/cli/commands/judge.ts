import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { finalAnswer } from '../../engine/text/thought.js';
import { UserError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { parseJudgeSpec } from '../../judge/spec.js';
import type { JudgeCounts } from '../../judge/types.js';
import type { Listener } from '../../pipeline/events.js';
import type { Judged, PlacedItem } from '../../pipeline/judge-items.js';
import { countsLine, judgeSettings, openJudgeOf } from '../judges.js';
import {
  addEngine,
  addJudge,
  addOutput,
  type EngineFlags,
  integer,
  type JudgeFlags,
  type OutputOptions,
} from '../options.js';
import { type Session, withProgress } from '../session.js';

interface JudgeCommandFlags extends OutputOptions, EngineFlags, JudgeFlags {
  save?: string;
  compare?: string[];
  examples?: number;
}

/** `hneurons judge`: judges responses with any judge, and sets two judges side by side. */
export function addJudgeCommand(program: Command, session: Session): void {
  const command = program
    .command('judge')
    .description('judge responses with any judge, or see how far two judges agree')
    .argument('[responses]', 'run folder, or JSONL or CSV with question, aliases or answer, and response')
    .option('--save <file>', 'write the judgements here, in place of stdout')
    .option(
      '--compare <judges...>',
      'two judges (or `given`: the verdicts in the file) over the responses; or two files of judgements',
    )
    .option('--examples <n>', 'disagreements shown of each kind (default: 10)', integer(0));
  addOutput(addEngine(addJudge(command)))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons judge answers.jsonl --judge endpoint:gpt-4.1-mini --save judged.jsonl
  $ hneurons judge answers.jsonl --judge endpoint:qwen3:8b --judge-url http://localhost:11434/v1
  $ hneurons judge runs/gemma-3-270m-builtin --compare given local:smollm2-135m-instruct
  $ hneurons judge --compare judged.jsonl other.jsonl --json

Answers of a model are kept in a cache: nothing is asked twice, and a stopped command goes on where it was.`,
    )
    .action((responses: string | undefined, flags: JudgeCommandFlags) =>
      flags.compare === undefined
        ? judgeResponses(session, responses, flags)
        : compare(session, responses, flags, flags.compare),
    );
}

async function judgeResponses(
  session: Session,
  path: string | undefined,
  flags: JudgeCommandFlags,
): Promise<void> {
  if (path === undefined) {
    throw new UserError('judge needs a run folder or a file of responses, or --compare', { exitCode: 2 });
  }
  const { judged, counts } = await withProgress(session, flags, async (emit) => {
    const { readJudgeItems } = await import('../../pipeline/judge-items.js');
    return judgeAll(session, flags, await readJudgeItems(path), emit);
  });
  const lines = judged.map((one) => `${JSON.stringify(one)}\n`).join('');
  const verdicts: Record<string, number> = { correct: 0, wrong: 0, uncertain: 0, failed: 0 };
  for (const { verdict } of judged) verdicts[verdict]++;
  if (flags.save === undefined) {
    session.stdout.write(lines);
  } else {
    await writeFileAtomic(flags.save, lines);
    session.stdout.write(
      flags.json
        ? `${JSON.stringify({ judgements: flags.save, verdicts, counts })}\n`
        : `${flags.save}: ${Object.entries(verdicts)
            .map(([verdict, count]) => `${count} ${verdict}`)
            .join(', ')}\n`,
    );
  }
}

/** Judges all items with the judge of the options. What was left out is said on stderr, also with --quiet. */
async function judgeAll(
  session: Session,
  flags: JudgeCommandFlags,
  items: PlacedItem[],
  emit: Listener,
): Promise<{ judged: Judged[]; counts: JudgeCounts }> {
  const settings = await judgeSettings(flags);
  const judge = await openJudgeOf(session, flags, settings, emit);
  try {
    emit({ type: 'start', step: 'judge', label: `judge with ${judge.name}` });
    const began = performance.now();
    const judgements = await judge.judge(items, (done) =>
      emit({ type: 'progress', step: 'judge', done, total: items.length, unit: 'responses' }),
    );
    const counts = judge.counts();
    const seconds = (performance.now() - began) / 1000;
    const line = countsLine(counts);
    emit({ type: 'end', step: 'judge', seconds, summary: line ?? `${items.length} responses` });
    const unfinished = items.filter(({ response }) => finalAnswer(response) === undefined).length;
    if (unfinished > 0) {
      const share = `${unfinished} of ${items.length} responses`;
      emit({
        type: 'note',
        message: `${share} end inside a thought: they have no answer and are not judged`,
      });
    }
    if (counts.failed > 0) emit({ type: 'note', message: `${judge.name}: ${line}` });
    const judged = items.map(({ id, index, question, response }, i) => ({
      ...{ id, index, question, response },
      ...judgements[i],
    }));
    return { judged, counts };
  } finally {
    await judge.close();
  }
}

async function compare(
  session: Session,
  path: string | undefined,
  flags: JudgeCommandFlags,
  wanted: string[],
): Promise<void> {
  if (wanted.length !== 2) {
    throw new UserError(`--compare takes two judges or files, not ${wanted.length}`, { exitCode: 2 });
  }
  const { compareJudges, comparisonMarkdown } = await import('../../pipeline/compare-judges.js');
  const { readJudged, readJudgeItems } = await import('../../pipeline/judge-items.js');
  const [first, second] = await withProgress(session, flags, async (emit) => {
    const items = path === undefined ? undefined : await readJudgeItems(path);
    const sides: Judged[][] = [];
    // Mistakes in either side's name before any work.
    for (const name of wanted) if (items && name !== 'given' && !existsSync(name)) parseJudgeSpec(name);
    for (const name of wanted) {
      if (!items || existsSync(name)) sides.push(await readJudged(name));
      else if (name === 'given') sides.push(givenVerdicts(path!, items));
      else sides.push((await judgeAll(session, { ...flags, judge: name }, items, emit)).judged);
    }
    return sides;
  });
  const comparison = compareJudges(first, second, [wanted[0], wanted[1]], SEED);
  if (comparison.items === 0) {
    throw new UserError(`${wanted[0]} and ${wanted[1]} have no response in common`);
  }
  session.stdout.write(
    flags.json
      ? `${JSON.stringify(comparison)}\n`
      : comparisonMarkdown(comparison, flags.examples ?? DEFAULT_EXAMPLES),
  );
}

const DEFAULT_EXAMPLES = 10;
/** Of the bootstrap: the same files give the same interval. */
const SEED = 1;

function givenVerdicts(path: string, items: PlacedItem[]): Judged[] {
  const judged = items.flatMap(({ id, index, question, response, given }) =>
    given === undefined ? [] : [{ id, index, question, response, verdict: given, judge: 'given' }],
  );
  if (judged.length === 0) throw new UserError(`${path} holds no verdicts ("verdict" or "judged")`);
  return judged;
}
