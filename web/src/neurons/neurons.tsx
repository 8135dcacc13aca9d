import { useCallback, useMemo, useState } from 'react';
import type { Failure } from '../api/failure.ts';
import type { Info, Neuron } from '../api/types.ts';
import type { Answer } from '../chat/answer-state.ts';
import { NoDetector, Notice } from '../ui/notice.tsx';
import { Detail } from './detail.tsx';
import { Lab } from './lab.tsx';
import { NeuronMap } from './map.tsx';
import { byWeight, keyOf } from './places.ts';
import { NeuronTable } from './table.tsx';

/** The detector's neurons: where they are, what one does, and what changes without some. */
export function Neurons(props: {
  info: Info;
  /** The answer that was asked for last, here or in the chat. */
  current: Answer | null;
  onFailure(failure: Failure): void;
  onAnswer(answer: Answer): void;
}) {
  const { detector, model } = props.info;
  const neurons = useMemo(() => byWeight(detector?.neurons ?? []), [detector]);
  const [chosen, setChosen] = useState<string | null>(null);
  const [off, setOff] = useState<ReadonlySet<string>>(new Set());
  const choose = useCallback((one: Neuron) => setChosen(keyOf(one)), []);
  const toggle = useCallback(
    (one: Neuron) =>
      setOff((before) => {
        const after = new Set(before);
        if (!after.delete(keyOf(one))) after.add(keyOf(one));
        return after;
      }),
    [],
  );
  const switchAll = useCallback(
    (on: boolean) => setOff(on ? new Set() : new Set(neurons.filter(({ weight }) => weight > 0).map(keyOf))),
    [neurons],
  );
  if (detector === null) {
    return (
      <Notice title="No detector, so no neurons to show">
        <NoDetector commands={props.info.commands} />
      </Notice>
    );
  }
  if (neurons.length === 0) return <Notice title="This detector has no neurons" />;

  const neuron =
    neurons.find((one) => keyOf(one) === chosen) ?? neurons.find(({ weight }) => weight > 0) ?? neurons[0]!;
  const positive = neurons.filter(({ weight }) => weight > 0).length;

  return (
    <div className="neurons">
      <h2>
        {positive} H-Neurons among {(model.layers * model.ffn).toLocaleString('en')} neurons
      </h2>
      <p className="note">
        They are active where {model.name} makes things up
        {neurons.length > positive && `; ${neurons.length - positive} others are active where it does not`}.
        The larger the dot, the more it counts.
      </p>
      <div className="overview">
        <NeuronMap
          neurons={neurons}
          layers={model.layers}
          ffn={model.ffn}
          chosen={neuron}
          off={off}
          onChoose={choose}
        />
        <NeuronTable
          switchable={!props.info.upstream}
          neurons={neurons}
          chosen={neuron}
          off={off}
          onChoose={choose}
          onToggle={toggle}
          onAll={switchAll}
        />
      </div>
      <Detail neuron={neuron} current={props.current} />
      {props.info.upstream ? (
        <p className="note">Another server writes the answers, so neurons cannot be switched off here.</p>
      ) : (
        <Lab
          info={props.info}
          neurons={neurons}
          chosen={neuron}
          off={off}
          current={props.current}
          onFailure={props.onFailure}
          onAnswer={props.onAnswer}
        />
      )}
    </div>
  );
}
