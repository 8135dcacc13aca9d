import { percent } from './words.ts';

/** What the colours of words mean, and the switch that writes the numbers under them. */
export function Legend(props: { threshold: number; numbers: boolean; onNumbers(numbers: boolean): void }) {
  return (
    <div className="legend">
      <p>
        <span className="of">Risk of a word</span>
        <span className="steps" aria-hidden="true">
          {[0, 1, 2, 3, 4].map((step) => (
            <span key={step} className={`r${step}`}>
              {step * 20}–{step * 20 + 20}
            </span>
          ))}
        </span>
        <span className="sr-only">in five steps of 20 %, from blue to orange;</span>
        <span className="threshold">
          <span className="word over">underlined</span> from {percent(props.threshold)}
        </span>
      </p>
      <label className="check">
        <input
          type="checkbox"
          checked={props.numbers}
          onChange={(event) => props.onNumbers(event.target.checked)}
        />
        Numbers
      </label>
    </div>
  );
}
