import { useEffect, useState } from 'react';
import { getNeuron } from '../api/client.ts';
import { asFailure, type Failure } from '../api/failure.ts';
import type { Neuron, NeuronDetail } from '../api/types.ts';
import type { Answer } from '../chat/answer-state.ts';
import { Loading } from '../ui/notice.tsx';
import { CardView } from './card.tsx';
import { Examples } from './examples.tsx';
import { titleOf, weightName } from './places.ts';
import { Trace } from './trace.tsx';

type State = { detail: NeuronDetail } | { failure: Failure } | null;

/** One neuron: its activity along the current answer, the run's questions that drive it, and its card. */
export function Detail({ neuron, current }: { neuron: Neuron; current: Answer | null }) {
  const { layer, index, weight } = neuron;
  const [state, setState] = useState<State>(null);
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` is what asks again.
  useEffect(() => {
    const stop = new AbortController();
    setState(null);
    getNeuron(layer, index, stop.signal).then(
      (detail) => setState({ detail }),
      (error) => {
        if (!stop.signal.aborted) setState({ failure: asFailure(error) });
      },
    );
    return () => stop.abort();
  }, [layer, index, attempt]);

  return (
    <section className="detail" aria-labelledby="detail-title">
      <h2 id="detail-title">{titleOf(neuron)}</h2>
      <p className="note">
        Weight {weightName(weight)}:{' '}
        {weight > 0
          ? 'the more it is active, the likelier the answer is made up.'
          : 'the more it is active, the likelier the answer is faithful.'}{' '}
        How active it is stands as CETT, its part in what its layer puts out at a token.
      </p>
      <Trace neuron={neuron} current={current} />
      {state === null && <Loading what="Reading what the run knows of it" />}
      {state && 'failure' in state && (
        <div className="trouble">
          <p role="alert">{state.failure.message}</p>
          <button type="button" onClick={() => setAttempt((before) => before + 1)}>
            Try again
          </button>
        </div>
      )}
      {state && 'detail' in state && (
        <>
          <Examples examples={state.detail.examples} />
          {state.detail.card && <CardView card={state.detail.card} chance={state.detail.chance} />}
        </>
      )}
    </section>
  );
}
