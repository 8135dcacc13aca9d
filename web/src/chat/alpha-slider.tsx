import { useId } from 'react';

/** What an alpha means, in few words. */
function meaning(alpha: number): string {
  if (alpha === 0) return 'H-Neurons off';
  if (alpha === 1) return 'as the model is';
  return alpha < 1 ? 'H-Neurons weaker' : 'H-Neurons stronger';
}

/** How strongly the H-Neurons speak: 0 is off, 1 is as the model is. */
export function AlphaSlider(props: {
  name: string;
  range: [number, number];
  value: number;
  onChange(alpha: number): void;
}) {
  const { name, range, value, onChange } = props;
  const [low, high] = range;
  const id = useId();
  const one = (1 - low) / (high - low);
  return (
    <div className="alpha">
      <label htmlFor={id}>{name}</label>
      <output htmlFor={id}>
        <b className="alpha-value">{value.toFixed(1)}</b>{' '}
        <span className="alpha-meaning">{meaning(value)}</span>
      </output>
      <div className="track" style={{ '--one-share': one } as React.CSSProperties}>
        <input
          id={id}
          type="range"
          min={low}
          max={high}
          step={0.1}
          value={value}
          aria-valuetext={`${value.toFixed(1)}, ${meaning(value)}`}
          onChange={(event) => onChange(Number(event.target.value))}
        />
        <span className="one" aria-hidden="true" />
      </div>
    </div>
  );
}
