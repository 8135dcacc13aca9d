import type { Report } from '../../../src/report/schema.ts';
import { AlphaFindings } from './alpha.tsx';

/** What was found out after the run, where it was asked: whether the neurons matter, and where they come from. */
export function Findings({ report }: { report: Report }) {
  const { intervention, origin, table } = report;
  return (
    <>
      {intervention && <AlphaFindings found={intervention} />}
      {origin && (
        <section className="finding">
          <h3>Where the neurons come from</h3>
          <p>
            This model was trained further from a base model. If the detector works there too, and training
            has moved the weights of its neurons less than those of others, they are older than that training.
          </p>
          <p>{origin.summary}</p>
        </section>
      )}
      {table && (
        <section className="finding">
          <h3>On other questions</h3>
          <p>
            The detector on sets of questions that it was not trained on, beside as many random neurons and
            beside the log-probability: how likely the model itself finds its answer.
          </p>
          <p>{table.summary}</p>
        </section>
      )}
    </>
  );
}
