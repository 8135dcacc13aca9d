import { type FormEvent, type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from 'react';
import type { Question } from '../api/types.ts';
import { AlphaSlider } from './alpha-slider.tsx';
import { SettingsFields, useSettings } from './settings.tsx';

/** Where a prompt is written, with the alphas it is answered at. */
export function Composer(props: {
  prompt: string;
  onPrompt(prompt: string): void;
  busy: boolean;
  /** null: alpha does nothing, for want of a detector. */
  alphaRange: [number, number] | null;
  /** Where the slider stands at first. */
  alpha: number;
  onAsk(prompt: string, settings: Omit<Question, 'messages' | 'alpha'>, alphas: number[]): void;
  onStop(): void;
  /** Begins a new talk; absent while there is none. */
  onClear?(): void;
}) {
  const { prompt, onPrompt, busy, alphaRange } = props;
  const [alphas, setAlphas] = useState<[number, number]>([props.alpha, props.alpha === 0 ? 1 : 0]);
  const [compare, setCompare] = useState(false);
  const settings = useSettings();
  const box = useRef<HTMLTextAreaElement>(null);
  const id = useId();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the box is as high as what stands in it.
  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  }, [prompt]);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (busy || prompt.trim() === '' || !settings.valid) return;
    props.onAsk(
      prompt.trim(),
      settings.values,
      compare && alphaRange ? alphas : [alphaRange ? alphas[0] : 1],
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter that ends the composition of a character must not send.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };
  const setAlpha = (at: 0 | 1) => (alpha: number) =>
    setAlphas((before) => (at === 0 ? [alpha, before[1]] : [before[0], alpha]));

  return (
    <form className="composer" onSubmit={submit}>
      <div className="line">
        <label className="sr-only" htmlFor={id}>
          Your question
        </label>
        <textarea
          id={id}
          ref={box}
          rows={1}
          placeholder="Ask something"
          value={prompt}
          onChange={(event) => onPrompt(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {busy ? (
          <button type="button" className="main" onClick={props.onStop} aria-keyshortcuts="Escape">
            Stop
          </button>
        ) : (
          <button type="submit" className="main" disabled={prompt.trim() === '' || !settings.valid}>
            Send
          </button>
        )}
      </div>
      {alphaRange && (
        <div className={`alphas ${compare ? 'two' : ''}`}>
          <AlphaSlider
            name={compare ? 'Alpha, left' : 'Alpha'}
            range={alphaRange}
            value={alphas[0]}
            onChange={setAlpha(0)}
          />
          {compare && (
            <AlphaSlider name="Alpha, right" range={alphaRange} value={alphas[1]} onChange={setAlpha(1)} />
          )}
          <label className="check">
            <input type="checkbox" checked={compare} onChange={(event) => setCompare(event.target.checked)} />
            Compare two
          </label>
        </div>
      )}
      <div className="below">
        <SettingsFields {...settings} />
        {props.onClear && (
          <button type="button" className="quiet" onClick={props.onClear}>
            New chat
          </button>
        )}
      </div>
    </form>
  );
}
