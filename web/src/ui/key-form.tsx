import { type FormEvent, useState } from 'react';

/** Asks for the API key that the server wants. */
export function KeyForm({ refused, onKey }: { refused: boolean; onKey(key: string): void }) {
  const [key, setKey] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '') onKey(key.trim());
  };
  return (
    <form className="notice" onSubmit={submit}>
      <h2>This server asks for a key</h2>
      <p>
        It is the one that hneurons serve was started with, by HNEURONS_API_KEY or --api-key. It stays in this
        tab and goes with it.
      </p>
      {refused && (
        <p className="bad" role="alert">
          The server refused that key.
        </p>
      )}
      <div className="field">
        <label htmlFor="key">API key</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          value={key}
          onChange={(e) => setKey(e.target.value)}
        />
      </div>
      <button type="submit" className="main">
        Use this key
      </button>
    </form>
  );
}
