import { formatP, formatRange, formatShare } from '../format.js';
import type { Origin, OriginDrift, Transfer } from './schema.js';

/** Below this a test is taken to speak against chance. */
const LEVEL = 0.05;

/** What the figures of a trace say, in words that follow from them alone. */
export function summariseOrigin({
  drift,
  transfer,
  emergence,
}: Pick<Origin, 'drift' | 'transfer' | 'emergence'>): string {
  const parts = [
    transfer && transferWords(transfer),
    drift && driftWords(drift),
    emergence && seriesWords(emergence),
  ].filter(Boolean);
  return parts.join(' ') || 'Nothing was compared.';
}

function transferWords({ toBase: { moved, native } }: Transfer): string {
  const area = `AUROC ${formatShare(moved.auroc.estimate)} (${formatRange(moved.auroc)})`;
  const ceiling = `the base model's own detector reaches ${formatShare(native.auroc.estimate)}`;
  if (moved.auroc.high < 0.5) {
    return `On the base model the detector points the wrong way: ${area}; ${ceiling}.`;
  }
  if (moved.auroc.low <= 0.5) {
    return `On the base model the detector cannot be told from guessing: ${area}; ${ceiling}.`;
  }
  const control = moved.layerMatched ?? moved.random;
  if (!control) return `The detector carries over to the base model: ${area} there; ${ceiling}.`;
  const neurons = `neurons drawn at random${moved.layerMatched ? ' from the same layers' : ''}`;
  const mean = formatShare(control.auroc.mean);
  if (control.difference.auroc.low > 0) {
    return `The detector carries over to the base model: ${area} there, ${neurons} ${mean}; ${ceiling}.`;
  }
  return (
    `On the base model the detector is better than guessing (${area}), but cannot be told from ${neurons} (${mean}); ` +
    `${ceiling}.`
  );
}

function driftWords(drift: OriginDrift): string {
  const { inertia, withoutNorms } = drift;
  const { meanRank, layerMatched, welch } = inertia;
  const mean = `mean rank ${formatShare(meanRank.estimate)} (${formatRange(meanRank)}; .50 is like the others)`;
  // The test is one-sided: a p near 1 speaks for the opposite, all between for nothing.
  const notes = scoredWords(drift) + roundingWords(drift);
  if (layerMatched.p < LEVEL) {
    const norms =
      withoutNorms.layerMatched.p < LEVEL
        ? ', also when the size of their weights is allowed for'
        : ', but that cannot be told when the size of their weights is allowed for';
    return `H-Neurons moved less than neurons of the same layers: ${mean}, ${formatP(layerMatched.p)}${norms}.${notes}`;
  }
  const tested = `${mean}, one-sided ${formatP(layerMatched.p)}`;
  const size =
    withoutNorms.layerMatched.p < LEVEL
      ? ` They moved less when the size of their weights is allowed for (${formatP(withoutNorms.layerMatched.p)}).`
      : '';
  if (layerMatched.p > 1 - LEVEL) {
    return `H-Neurons moved more, not less, than neurons of the same layers: ${tested}.${size}${notes}`;
  }
  const depth =
    welch.p < LEVEL
      ? ' They moved less than all neurons taken together, which may be due to their layers as a whole.'
      : '';
  return `Whether H-Neurons moved less than neurons of the same layers cannot be told: ${tested}.${size}${depth}${notes}`;
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

/** From the first to the last checkpoint that has a figure; nothing where fewer than two have. */
function seriesWords(points: NonNullable<Origin['emergence']>): string | undefined {
  const path = (what: string, values: { checkpoint: string; value: number }[]) => {
    const [first, last] = [values[0], values[values.length - 1]];
    return values.length < 2
      ? []
      : `${what} goes from ${formatShare(first.value)} at ${first.checkpoint} to ${formatShare(last.value)} at ${last.checkpoint}`;
  };
  const ways = [
    path(
      'the AUROC of the detector',
      points.flatMap(({ checkpoint, transfer }) =>
        transfer ? [{ checkpoint, value: transfer.toBase.moved.auroc.estimate }] : [],
      ),
    ),
    path(
      'the mean rank of the H-Neurons',
      points.flatMap(({ checkpoint, drift }) =>
        drift ? [{ checkpoint, value: drift.inertia.meanRank.estimate }] : [],
      ),
    ),
  ].flat();
  return ways.length > 0 ? `Along the series ${ways.join(', and ')}.` : undefined;
}
