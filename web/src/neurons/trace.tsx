import { useMemo } from 'react';
import type { Neuron } from '../api/types.ts';
import { type Answer, isBusy, watchedBy } from '../chat/answer-state.ts';
import { riskStep } from '../chat/words.ts';
import { keyOf } from './places.ts';

/** CETT in three digits; it is a share, mostly well below .1. */
export function cettName(cett: number): string {
  return cett === 0 ? '0' : cett < 0.0001 ? cett.toExponential(1) : String(Number(cett.toPrecision(3)));
}

/** The CETT of one neuron at each token of an answer. */
export function Trace({ neuron, current }: { neuron: Neuron; current: Answer | null }) {
  const column = useMemo(
    () =>
      current
        ? watchedBy(current).findIndex(([layer, index]) => keyOf({ layer, index }) === keyOf(neuron))
        : -1,
    [current, neuron],
  );
  if (current === null || (current.text === '' && !isBusy(current))) {
    return (
      <p className="note">Ask something, here or in the chat, to see how active it is along the answer.</p>
    );
  }
  if (column < 0)
    return <p className="note">The last answer did not measure this neuron. Ask again below to see it.</p>;

  const steps = current.tokens.flatMap((token, at) => {
    const cett = token?.cett?.[column];
    return token === undefined || cett === undefined
      ? []
      : [{ at, text: token.text, risk: token.risk, cett }];
  });
  if (steps.length === 0) {
    return (
      <p className="note">
        {isBusy(current) ? 'Waiting for the answer …' : 'The last answer came without activity.'}
      </p>
    );
  }
  const most = steps.reduce((best, step) => (step.cett > best.cett ? step : best));
  const prompt = current.question.messages.at(-1)?.content ?? '';
  return (
    <figure className="trace">
      <figcaption>
        How active it is (CETT) along the answer to “{prompt.length > 90 ? `${prompt.slice(0, 90)}…` : prompt}
        ”. Highest: {cettName(most.cett)} at “{most.text.trim() || 'white space'}”.
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <section tabIndex={0} aria-label="CETT of each token">
        <ol>
          {steps.map(({ at, text, risk, cett }) => (
            <li key={at} title={`CETT ${cettName(cett)}`}>
              <span className="column" aria-hidden="true">
                <span style={{ height: `${most.cett === 0 ? 0 : (Math.max(0, cett) / most.cett) * 100}%` }} />
              </span>
              <span className={`token r${riskStep(risk)}`}>{text.trim() === '' ? '␣' : text.trim()}</span>
              <span className="sr-only">CETT {cettName(cett)}</span>
            </li>
          ))}
        </ol>
      </section>
    </figure>
  );
}
