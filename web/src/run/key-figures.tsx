import { capital, formatPercent, formatShare, formatSigned } from '../../../src/report/format.ts';
import { plainWords } from '../../../src/report/plain-words.ts';
import type { Report } from '../../../src/report/schema.ts';
import type { Interval } from '../../../src/stats/interval.ts';

/** The figures of a run that decide whether its detector is worth anything. */
export function KeyFigures({ report }: { report: Report }) {
  const { verdict, test, detector, model, run, questions } = report;
  const hNeurons = detector.neurons.filter(({ weight }) => weight > 0).length;
  const opposed = detector.neurons.length - hNeurons;
  const difference = test.control.difference.auroc;
  return (
    <>
      <h2 className={`headline ${verdict.outcome}`}>{verdict.headline}</h2>
      <p className="lead">{plainWords(report)}</p>
      <p className="note">{capital(verdict.details)}</p>
      {verdict.beyond !== undefined && <p className="note">{verdict.beyond}</p>}
      <dl className="tiles">
        <Tile
          name="AUROC"
          value={formatShare(test.auroc.estimate)}
          note={`1 is perfect, .50 is guessing; ${between(test.auroc)}`}
        />
        <Tile
          name="Accuracy"
          value={formatPercent(test.accuracy.estimate)}
          note={`of the answers, sorted right; ${between(test.accuracy, formatPercent)}`}
        />
        <Tile
          name="Over random neurons"
          value={formatSigned(difference.estimate)}
          note={`in AUROC; ${between(difference, formatSigned)}`}
        />
        <Tile
          name="H-Neurons"
          value={String(hNeurons)}
          note={`of ${(model.layers * model.ffn).toLocaleString('en')} neurons${opposed > 0 ? `; ${opposed} more speak for a right answer` : ''}`}
        />
        <Tile
          name="Tested on"
          value={String(test.faithful + test.hallucinated)}
          note={`answers: ${test.faithful} right, ${test.hallucinated} made up`}
        />
        <Tile
          name="Calibration error"
          value={formatShare(test.calibration.ece)}
          note="mean gap between the risk that it states and how often it is so"
        />
      </dl>
      {report.warnings.length > 0 && (
        <div className="warnings">
          <h3>Read with care</h3>
          <ul>
            {report.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </div>
      )}
      <dl className="facts">
        <dt>Model</dt>
        <dd>
          {model.name}, {model.quantisation}, {model.layers} layers
        </dd>
        <dt>Questions</dt>
        <dd>
          {questions.source}, {questions.total.toLocaleString('en')}
        </dd>
        <dt>Made</dt>
        <dd>
          {new Date(run.created).toLocaleDateString('en', { dateStyle: 'long' })} by{' '}
          <code>{run.command}</code>
        </dd>
      </dl>
    </>
  );
}

function Tile({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="big">{value}</dd>
      <dd className="what">{note}</dd>
    </div>
  );
}

function between({ low, high }: Interval, shown = formatShare): string {
  return `95 % interval ${shown(low)} to ${shown(high)}`;
}
