import type { Score } from '../api/types.ts';
import { VERDICTS } from './summary.ts';
import { percent } from './words.ts';

/** The score of an answer: the risk, what it means, and how sure it is. */
export function VerdictView({ score, text }: { score: Score; text: string }) {
  const { probability, verdict, interval, threshold, alpha, answerSpan, retries, abstained } = score;
  if (probability === null) return <p className="note">There was nothing in it to score.</p>;
  const scored = answerSpan?.text.trim() ?? '';
  return (
    <div className={`verdict ${verdict}`}>
      <p>
        <b>{percent(probability)}</b> risk: {VERDICTS[verdict]}
      </p>
      <div className="gauge" aria-hidden="true">
        {interval && <span className="band" style={{ left: at(interval[0]), right: at(1 - interval[1]) }} />}
        <span className="limit" style={{ left: at(threshold) }} />
        <span className="point" style={{ left: at(probability) }} />
      </div>
      <p className="small">
        {interval && `95 % interval ${percent(interval[0])} to ${percent(interval[1])}; `}threshold{' '}
        {percent(threshold)}
        {scored !== '' && scored !== text.trim() && `; scored on “${scored}”`}
      </p>
      {alpha !== 1 && (
        <p className="small">
          The risk is calibrated at alpha 1. Turning the H-Neurons down lowers it by itself, whatever the
          answer says.
        </p>
      )}
      {abstained ? (
        <p className="small">The risk was above the threshold, so the server held the answer back.</p>
      ) : (
        retries !== undefined &&
        retries > 0 && (
          <p className="small">Answered again {retries === 1 ? 'once' : `${retries} times`} for its risk.</p>
        )
      )}
    </div>
  );
}

function at(share: number): string {
  return `${Math.min(1, Math.max(0, share)) * 100}%`;
}
