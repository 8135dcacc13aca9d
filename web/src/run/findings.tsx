import type { Report } from '../../../src/report/schema.ts';

/** What was found out after the run, where it was asked: whether the neurons matter, and where they come from. */
export function Findings({ report }: { report: Report }) {
  const { intervention, origin, table } = report;
  return (
    <>
      {intervention && (
        <section className="finding">
          <h3>What alpha does</h3>
          {intervention.summary.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </section>
      )}
      {origin && (
        <section className="finding">
          <h3>Where the neurons come from</h3>
          <p>{origin.summary}</p>
        </section>
      )}
      {table && (
        <section className="finding">
          <h3>On other questions</h3>
          <p>{table.summary}</p>
        </section>
      )}
    </>
  );
}
