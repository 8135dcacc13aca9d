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

function driftWords({ inertia, withoutNorms, parts }: OriginDrift): string {
  const { meanRank, layerMatched, welch } = inertia;
  const mean = `mean rank ${formatShare(meanRank.estimate)} (${formatRange(meanRank)}; .50 is like the others)`;
  const drowned = parts.filter((part) => part.drowned).map(({ part }) => part);
  const noise =
    drowned.length > 0
      ? ` Mind that rounding alone can make much of the drift of ${drowned.join(' and ')}: take less quantised files.`
      : '';
  if (layerMatched.p < LEVEL) {
    const norms =
      withoutNorms.layerMatched.p < LEVEL
        ? ', also when the size of their weights is allowed for'
        : ', but not when the size of their weights is allowed for';
    return `H-Neurons moved less than neurons of the same layers: ${mean}, ${formatP(layerMatched.p)}${norms}.${noise}`;
  }
  const depth =
    welch.p < LEVEL ? ' Against all neurons they seem to have, but their layers as a whole moved less.' : '';
  return `H-Neurons did not move less than neurons of the same layers: ${mean}, ${formatP(layerMatched.p)}.${depth}${noise}`;
}
