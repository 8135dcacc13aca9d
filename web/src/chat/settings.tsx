import { type ToggleEvent, useId, useState } from 'react';

const LIMITS = {
  temperature: {
    name: 'Temperature',
    hint: '0: always the likeliest word',
    low: 0,
    high: 2,
    step: 0.1,
    whole: false,
  },
  maxTokens: { name: 'Longest answer', hint: 'tokens', low: 1, high: 4096, step: 1, whole: true },
  seed: {
    name: 'Seed',
    hint: 'the same seed draws the same words',
    low: 0,
    high: 2 ** 31 - 1,
    step: 1,
    whole: true,
  },
} as const;
type Name = keyof typeof LIMITS;
const NAMES = Object.keys(LIMITS) as Name[];

function isGood(name: Name, text: string): boolean {
  const { low, high, whole } = LIMITS[name];
  const value = Number(text);
  return text.trim() !== '' && value >= low && value <= high && (!whole || Number.isInteger(value));
}

/** How answers are drawn; kept as typed, so that a half-typed number is not changed under the hand. */
export function useSettings() {
  const [typed, setTyped] = useState<Record<Name, string>>({ temperature: '0', maxTokens: '256', seed: '1' });
  return {
    typed,
    valid: NAMES.every((name) => isGood(name, typed[name])),
    values: {
      temperature: Number(typed.temperature),
      maxTokens: Number(typed.maxTokens),
      seed: Number(typed.seed),
    },
    set: (name: Name, text: string) => setTyped((before) => ({ ...before, [name]: text })),
  };
}

export function SettingsFields({ typed, values, valid, set }: ReturnType<typeof useSettings>) {
  const id = useId();
  return (
    <details className="settings" onToggle={showOpened}>
      <summary>
        Settings{' '}
        <span className="settings-now">
          {valid
            ? `temperature ${values.temperature}, up to ${values.maxTokens} tokens, seed ${values.seed}`
            : 'something is out of range'}
        </span>
      </summary>
      <div className="fields">
        {NAMES.map((name) => {
          const { low, high, step } = LIMITS[name];
          const good = isGood(name, typed[name]);
          return (
            <div key={name} className="field">
              <label htmlFor={`${id}${name}`}>{LIMITS[name].name}</label>
              <input
                id={`${id}${name}`}
                type="number"
                inputMode="decimal"
                min={low}
                max={high}
                step={step}
                value={typed[name]}
                aria-invalid={!good}
                aria-describedby={`${id}${name}-hint`}
                onChange={(event) => set(name, event.target.value)}
              />
              <small id={`${id}${name}-hint`} className={good ? undefined : 'bad'}>
                {good ? LIMITS[name].hint : `from ${low} to ${high}`}
              </small>
            </div>
          );
        })}
      </div>
    </details>
  );
}

/** Where the dock stands below the conversation, on a low screen, its fields would open out of sight. */
function showOpened({ currentTarget }: ToggleEvent<HTMLDetailsElement>) {
  if (currentTarget.open) currentTarget.scrollIntoView({ block: 'nearest' });
}
