import { capital } from '../../../src/report/format.ts';
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
          value={figure(test.auroc.estimate)}
          note={`1 is perfect, .50 is guessing; ${between(test.auroc)}`}
        />
        <Tile
          name="Accuracy"
          value={figure(test.accuracy.estimate)}
          note={`of the answers, sorted right; ${between(test.accuracy)}`}
        />
        <Tile
          name="Over random neurons"
          value={`${difference.estimate >= 0 ? '+' : '−'}${figure(Math.abs(difference.estimate))}`}
          note={`in AUROC; ${between(difference)}`}
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
          value={figure(test.calibration.ece)}
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

/** Two digits, without the zero before the point, as the report writes it. */
function figure(value: number): string {
  return value.toFixed(2).replace(/^0/, '');
}

function between({ low, high }: Interval): string {
  const sign = (value: number) => (value < 0 ? `−${figure(-value)}` : figure(value));
  return `95 % interval ${sign(low)} to ${sign(high)}`;
}
