import { memo, type PointerEvent, useState } from 'react';
import type { Neuron } from '../api/types.ts';
import { keyOf, titleOf, weightName } from './places.ts';

/**
 * Layers from the bottom up, as an answer passes through them; neurons by their index. A picture for pointing at: the
 * table beside it has the same neurons for keyboards and screen readers.
 */
export const NeuronMap = memo(function NeuronMap(props: {
  /** Heaviest first, so that small dots lie on large ones. */
  neurons: Neuron[];
  layers: number;
  ffn: number;
  chosen: Neuron;
  off: ReadonlySet<string>;
  onChoose(neuron: Neuron): void;
}) {
  const { neurons, layers, ffn, chosen, off, onChoose } = props;
  const [pointed, setPointed] = useState<Neuron | null>(null);
  const heaviest = Math.abs(neurons[0]!.weight);
  const rowHeight = Math.min(24, Math.max(9, 480 / layers));

  /** The dot nearest to the pointer, so that small ones can be hit with a finger. */
  const nearest = (event: PointerEvent<HTMLElement>): Neuron => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const distance = ({ layer, index }: Neuron) =>
      Math.hypot((index / ffn) * box.width - x, (layers - 1 - layer + 0.5) * rowHeight - y);
    return neurons.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  };
  const shown = pointed ?? chosen;

  return (
    <figure className="map">
      <figcaption>
        <span className={`dot ${shown.weight > 0 ? '' : 'against'}`} aria-hidden="true" />
        {titleOf(shown)}: weight {weightName(shown.weight)}
        {off.has(keyOf(shown)) && ', off'}
      </figcaption>
      <div className="layers" style={{ height: layers * rowHeight }}>
        <div className="axis" aria-hidden="true">
          <b>layer</b>
          {Array.from({ length: layers }, (_, layer) => layer)
            .filter((layer) => layer === 0 || layer === layers - 1 || layer % 5 === 0)
            .filter((layer) => layer === layers - 1 || layers - 1 - layer > 2)
            .map((layer) => (
              <span key={layer} style={{ top: (layers - 1 - layer + 0.5) * rowHeight }}>
                {layer}
              </span>
            ))}
        </div>
        <div
          className="plane"
          role="img"
          aria-label={`Map of ${neurons.length} neurons in ${layers} layers; the table has the same`}
          style={{ backgroundSize: `100% ${rowHeight}px` }}
          onPointerMove={(event) => setPointed(nearest(event))}
          onPointerLeave={() => setPointed(null)}
          onPointerDown={(event) => onChoose(nearest(event))}
        >
          {neurons.map((neuron) => {
            const size = 5 + 17 * Math.sqrt(Math.abs(neuron.weight) / heaviest);
            const marks = [
              neuron.weight > 0 ? '' : 'against',
              off.has(keyOf(neuron)) ? 'off' : '',
              neuron === chosen ? 'chosen' : '',
              neuron === pointed ? 'pointed' : '',
            ];
            return (
              <span
                key={keyOf(neuron)}
                className={`dot ${marks.join(' ')}`}
                style={{
                  left: `${(neuron.index / ffn) * 100}%`,
                  top: (layers - 1 - neuron.layer + 0.5) * rowHeight,
                  width: size,
                  height: size,
                }}
              />
            );
          })}
        </div>
      </div>
      <div className="ends" aria-hidden="true">
        <span>0</span>
        <span>index of the neuron in its layer</span>
        <span>{ffn - 1}</span>
      </div>
      <ul className="keys">
        <li>
          <span className="dot" aria-hidden="true" /> H-Neuron: speaks for made up
        </li>
        {neurons.some(({ weight }) => weight < 0) && (
          <li>
            <span className="dot against" aria-hidden="true" /> speaks against
          </li>
        )}
        {off.size > 0 && (
          <li>
            <span className="dot off" aria-hidden="true" /> switched off
          </li>
        )}
      </ul>
    </figure>
  );
});
