import { formatP, formatRange, formatShare } from '../format.js';
import type { Origin, OriginDrift, Transfer } from './schema.js';

/** Below this a test is taken to speak against chance. */
const LEVEL = 0.05;

/** What the figures of a trace say, in words that follow from them alone. */
export function summariseOrigin({ drift, transfer }: Pick<Origin, 'drift' | 'transfer'>): string {
  const parts = [transfer && transferWords(transfer), drift && driftWords(drift)].filter(Boolean);
  return parts.join(' ') || 'Nothing was compared.';
}

function transferWords({ toBase: { moved, native } }: Transfer): string {
  const area = `AUROC ${formatShare(moved.auroc.estimate)} (${formatRange(moved.auroc)})`;
  const ceiling = `the base model's own detector reaches ${formatShare(native.auroc.estimate)}`;
  const control = moved.layerMatched ?? moved.random;
  if (moved.auroc.low <= 0.5) {
    return `The detector does not carry over to the base model: ${area} there, no better than guessing; ${ceiling}.`;
  }
  if (!control) return `The detector carries over to the base model: ${area} there; ${ceiling}.`;
  const beats = control.difference.auroc.low > 0;
  return (
    `The detector ${beats ? 'carries' : 'does not clearly carry'} over to the base model: ${area} there, ` +
    `neurons drawn at random from the same layers ${formatShare(control.auroc.mean)}; ${ceiling}.`
  );
}

function driftWords(drift: OriginDrift): string {
  const { inertia, withoutNorms } = drift;
  const { meanRank, layerMatched, welch } = inertia;
  const mean = `mean rank ${formatShare(meanRank.estimate)} (${formatRange(meanRank)}; .50 is like the others)`;
  const notes = scoredWords(drift) + roundingWords(drift);
  if (layerMatched.p < LEVEL) {
    const norms =
      withoutNorms.layerMatched.p < LEVEL
        ? ', also when the size of their weights is allowed for'
        : ', but not when the size of their weights is allowed for';
    return `H-Neurons moved less than neurons of the same layers: ${mean}, ${formatP(layerMatched.p)}${norms}.${notes}`;
  }
  const depth =
    welch.p < LEVEL ? ' Against all neurons they seem to have, but their layers as a whole moved less.' : '';
  return `H-Neurons did not move less than neurons of the same layers: ${mean}, ${formatP(layerMatched.p)}.${depth}${notes}`;
}

function scoredWords({ scored }: OriginDrift): string {
  const still = (['up', 'down'] as const).filter((part) => !scored.includes(part));
  if (still.length === 0) return '';
  const rest = scored.includes('gate') ? 'the gate (which the published measure leaves out)' : scored[0];
  return ` The weights of ${still.join(' and ')} did not move at all: the ranks are of ${rest} alone.`;
}

function roundingWords({ parts }: OriginDrift): string {
  const named = (drowned: boolean | null) =>
    parts
      .filter((part) => part.drowned === drowned)
      .map(({ part }) => part)
      .join(' and ');
  const much = named(true);
  const unknown = named(null);
  return [
    much && ` Mind that rounding alone can make much of the drift of ${much}: take files in a finer format.`,
    unknown &&
      ` How much of the drift of ${unknown} can be rounding is not known for the format of these files.`,
  ]
    .filter(Boolean)
    .join('');
}
