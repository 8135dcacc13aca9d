import { useEffect, useState } from 'react';
import type { Report } from '../../../src/report/schema.ts';
import { ask, getRun, savedKey } from '../api/client.ts';
import { asFailure, type Failure } from '../api/failure.ts';
import type { Info } from '../api/types.ts';
import { Command, Loading, NoDetector, Notice } from '../ui/notice.tsx';
import { Findings } from './findings.tsx';
import { KeyFigures } from './key-figures.tsx';

type State = { report: Report; page: string | null } | { failure: Failure } | null;

/** The report of the run that the detector came from. */
export function Run({ info }: { info: Info }) {
  const [state, setState] = useState<State>(null);
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` is what asks again.
  useEffect(() => {
    if (!info.run) return;
    const stop = new AbortController();
    setState(null);
    load(stop.signal).then(setState, (error) => {
      if (!stop.signal.aborted) setState({ failure: asFailure(error) });
    });
    return () => stop.abort();
  }, [info.run, attempt]);

  if (info.detector === null) {
    return (
      <Notice title="No detector, so no run">
        <NoDetector commands={info.commands} />
      </Notice>
    );
  }
  if (!info.run || (state && 'failure' in state && state.failure.kind === 'missing')) {
    return (
      <Notice title="No run beside the detector">
        <p>
          The report is read from the folder that holds {info.detector.path}. There is none, or its report is
          missing. This makes it again from a run folder:
        </p>
        <Command>npx hneurons report --out RUN_FOLDER</Command>
      </Notice>
    );
  }
  if (state === null) return <Loading what="Reading the report" />;
  if ('failure' in state) {
    return (
      <Notice title="The report could not be read" tone="bad">
        <p>{state.failure.message}</p>
        <button type="button" onClick={() => setAttempt((before) => before + 1)}>
          Try again
        </button>
      </Notice>
    );
  }
  return (
    <div className="run">
      <KeyFigures report={state.report} />
      <Findings report={state.report} />
      <div className="whole">
        <h2>The whole report</h2>
        {state.page === null && (
          <a href="report.html" target="_blank" rel="noreferrer">
            Open it in a tab of its own
          </a>
        )}
      </div>
      {/* No scripts, no same origin: the report may show answers of a model, and needs neither. */}
      <iframe
        title="Report of the run"
        sandbox=""
        {...(state.page === null ? { src: 'report.html' } : { srcDoc: state.page })}
      />
    </div>
  );
}

/** A frame cannot send a key, so where there is one the page is fetched and handed over. */
async function load(signal: AbortSignal): Promise<State> {
  const report = (await getRun(signal)) as Report;
  const page = savedKey() === '' ? null : await (await ask('report.html', { signal })).text();
  return { report, page };
}
