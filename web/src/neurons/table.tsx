import { memo, useState } from 'react';
import type { Neuron } from '../api/types.ts';
import { keyOf, nameOf, weightName } from './places.ts';

/** Rows shown until more are wanted. */
const FIRST = 100;

/** All neurons, heaviest first: to choose one, and to switch them off and on. */
export const NeuronTable = memo(function NeuronTable(props: {
  neurons: Neuron[];
  switchable: boolean;
  chosen: Neuron;
  off: ReadonlySet<string>;
  onChoose(neuron: Neuron): void;
  onToggle(neuron: Neuron): void;
  onAll(on: boolean): void;
}) {
  const { neurons, switchable, chosen, off, onChoose, onToggle, onAll } = props;
  const [all, setAll] = useState(false);
  const heaviest = Math.abs(neurons[0]!.weight);
  return (
    <div className="listed">
      {switchable && (
        <div className="switches">
          <button type="button" className="quiet" onClick={() => onAll(false)}>
            All H-Neurons off
          </button>
          <button type="button" className="quiet" onClick={() => onAll(true)} disabled={off.size === 0}>
            All on
          </button>
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <section className="scroll" tabIndex={0} aria-label="Neurons by weight">
        <table>
          <thead>
            <tr>
              {switchable && <th scope="col">On</th>}
              <th scope="col">Neuron</th>
              <th scope="col" className="number">
                Weight
              </th>
            </tr>
          </thead>
          <tbody>
            {neurons.slice(0, all ? neurons.length : FIRST).map((neuron) => (
              <tr key={keyOf(neuron)} className={neuron === chosen ? 'chosen' : undefined}>
                {switchable && (
                  <td>
                    <input
                      type="checkbox"
                      checked={!off.has(keyOf(neuron))}
                      aria-label={`${nameOf(neuron)}, on`}
                      onChange={() => onToggle(neuron)}
                    />
                  </td>
                )}
                <td>
                  <button type="button" aria-pressed={neuron === chosen} onClick={() => onChoose(neuron)}>
                    {nameOf(neuron)}
                  </button>
                </td>
                <td className="number">
                  <span
                    className={`bar ${neuron.weight > 0 ? '' : 'against'}`}
                    style={{ width: (Math.abs(neuron.weight) / heaviest) * 40 }}
                    aria-hidden="true"
                  />
                  {weightName(neuron.weight)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {!all && neurons.length > FIRST && (
          <button type="button" className="quiet" onClick={() => setAll(true)}>
            Show all {neurons.length}
          </button>
        )}
      </section>
    </div>
  );
});
