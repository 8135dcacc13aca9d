import { UserError } from '../errors.js';
import { countReasons } from '../exchange/gather.js';
import { readJudged } from '../exchange/judged.js';
import type { Skip } from '../exchange/records.js';
import { judgedFigures, judgedPairs } from '../exchange/score-judged.js';
import { DEFAULT_SEED } from '../pipeline/settings.js';
import { formatFixed } from '../report/format.js';
import type { Interval } from '../stats/interval.js';
import { type ScoreFlags, scoreAll } from './commands/score.js';
import type { Session } from './session.js';

/** `hneurons score --judged FILE`: how well a detector sorts responses that somebody has judged. */
export async function runScoreJudged(session: Session, flags: ScoreFlags): Promise<void> {
  const path = flags.judged!;
  if (flags.file ?? flags.question ?? flags.answer) {
    throw new UserError('give either --judged, --file or --question with --answer', { exitCode: 2 });
  }
  const skipped: Skip[] = [];
  const skip = (one: Skip) => skipped.push(one);
  const pairs = judgedPairs(path, await readJudged(path, flags.label1, skip), skip);
  const reasons = countReasons(skipped).map(([reason, count]) => `${count} x ${reason}`);
  if (pairs.length === 0) {
    throw new UserError(
      `${path} holds no response to score${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`,
    );
  }
  if (reasons.length > 0) session.stderr.write(`${skipped.length} left out: ${reasons.join('; ')}\n`);
  const scored = await scoreAll(session, flags, pairs);
  const probabilities = scored.map(({ probability }) => probability);
  const figures = judgedFigures(pairs, probabilities, DEFAULT_SEED);
  if (flags.json) {
    const results = pairs.map(({ id, question, answer, hallucinated }, i) => {
      return { id, question, answer, hallucinated, score: scored[i].score, probability: probabilities[i] };
    });
    session.stdout.write(`${JSON.stringify({ detector: flags.detector, figures, skipped, results })}\n`);
    return;
  }
  const { faithful, hallucinated, accuracy, auroc } = figures;
  session.stdout.write(
    `${pairs.length} responses, ${hallucinated} of them hallucinated, ${faithful} faithful\n` +
      `AUROC ${show(auroc)}\naccuracy ${show(accuracy)}, 95 % intervals over questions\n`,
  );
}

function show({ estimate, low, high }: Interval): string {
  if (Number.isNaN(estimate)) return 'is not defined: one class is missing';
  return `${formatFixed(estimate, 3)} (${formatFixed(low, 3)}–${formatFixed(high, 3)})`;
}
