import { formatCompared, formatP, formatShare } from './format.js';
import { REPORT_VERSION, type Report, type ReportContent, ReportSchema, type Verdict } from './schema.js';

/** Fewer test samples than this in a class and no verdict is given. */
export const ENOUGH_PER_CLASS = 25;

/** Share of chance findings that is put up with. */
const ALPHA = 0.05;

/**
 * What the test figures say, in plain words. "Beats" takes all of these: the 95 % interval of the AUROC's difference to
 * the mean of the random controls lies above 0; at most one in twenty controls reaches the detector's AUROC; the
 * permutation p-value is below .05. With fewer than 25 test samples in a class the answer is "too few to tell".
 */
export function verdict(report: Pick<Report, 'test' | 'detector'>): Verdict {
  const { test, detector } = report;
  const { control, permutation } = test;
  if (detector.neurons.length === 0) {
    return say(
      'does-not-beat',
      'There is no detector',
      'no neuron was selected at any penalty that was tried.',
    );
  }
  if (Math.min(test.faithful, test.hallucinated) < ENOUGH_PER_CLASS) {
    return say(
      'too-few',
      'Too few test samples to tell',
      `${test.faithful} faithful and ${test.hallucinated} hallucinated, and at least ${ENOUGH_PER_CLASS} of each ` +
        'are needed. Use more questions.',
    );
  }
  const difference = control.difference.auroc;
  const reached = control.runs.filter((run) => run.auroc >= test.auroc.estimate).length;
  const shown = formatCompared(test.auroc.estimate, control.auroc.mean, difference);
  const figures =
    `AUROC ${shown.first} against ${shown.second} on average for as many random neurons ` +
    `(difference ${shown.difference}, 95 % interval ${shown.low} to ${shown.high})`;
  const reasons = [
    difference.high < 0 && 'it does worse',
    difference.low <= 0 && difference.high >= 0 && 'the interval includes no difference',
    reached > ALPHA * control.runs.length && `${reached} of ${control.runs.length} random sets do as well`,
    permutation.p >= ALPHA && `shuffled labels do as well too often (${formatP(permutation.p)})`,
  ].filter((reason) => reason !== false);
  if (reasons.length > 0) {
    return say(
      'does-not-beat',
      'The detector does not beat its random control',
      `${figures}; ${reasons.join('; ')}.`,
    );
  }
  const rivals = rivalBaselines(report);
  const named = rivals.map(({ name, auroc }) => `${name} (AUROC ${formatShare(auroc)})`);
  const caution =
    rivals.length === 0
      ? ''
      : rivals.length === 1
        ? ` But ${rivals[0].name} alone does as well (AUROC ${formatShare(rivals[0].auroc)}): the neurons may say nothing beyond it.`
        : ` But without any neuron, ${named.join(' and ')} do as well: the neurons may say nothing beyond them.`;
  return say('beats', 'The detector beats its random control', `${figures}.${caution}`);
}

function say(outcome: Verdict['outcome'], headline: string, details: string): Verdict {
  return { beatsControl: outcome === 'beats', outcome, headline, details, text: `${headline}: ${details}` };
}

/**
 * The baselines without a look inside the model that reach the detector, best first. One that is wrong in a consistent way counts as
 * its reverse.
 */
function rivalBaselines({ test }: Pick<Report, 'test'>): { name: string; auroc: number }[] {
  return test.baselines
    .filter(({ kind = 'output' }) => kind === 'output')
    .map(({ name, auroc }) => ({ name, auroc: Math.max(auroc.estimate, 1 - auroc.estimate) }))
    .filter(({ auroc }) => auroc >= test.auroc.estimate)
    .sort((a, b) => b.auroc - a.auroc);
}

/**
 * Whether sparse neurons tell anything that the log-probability of the answer does not: by the interval of the difference in AUROC
 * between both together and the log-probability alone.
 */
export function beyondSentence({ beyond }: Pick<Report, 'beyond'>): string | undefined {
  if (!beyond) return undefined;
  const { combined, difference } = beyond;
  const { estimate, low, high } = difference.auroc;
  const both = combined.auroc.estimate;
  const shown = formatCompared(both, both - estimate, difference.auroc);
  const figures =
    `AUROC ${shown.first} for both together, ${shown.second} for the log-probability alone ` +
    `(difference ${shown.difference}, 95 % interval ${shown.low} to ${shown.high})`;
  if (low > 0) return `The neurons add something to the log-probability of the answer: ${figures}.`;
  if (high < 0) return `Adding the neurons to the log-probability of the answer makes it worse: ${figures}.`;
  return `The neurons add nothing that can be seen to the log-probability of the answer: ${figures}.`;
}

/** Adds version and verdict to the content and checks the whole; a ZodError here is a mistake of the program. */
export function completeReport(content: ReportContent): Report {
  return ReportSchema.parse({
    schema: 'hneurons/report',
    version: REPORT_VERSION,
    verdict: { ...verdict(content), beyond: beyondSentence(content) },
    ...content,
  });
}
