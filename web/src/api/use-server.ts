import { useCallback, useEffect, useRef, useState } from 'react';
import { getInfo, saveKey } from './client.ts';
import { asFailure, type Failure } from './failure.ts';
import type { Info } from './types.ts';

/** How things stand with the server. */
export type Link =
  | { state: 'loading' }
  | { state: 'ready' }
  | { state: 'key'; refused: boolean }
  | { state: 'broken'; message: string }
  /** Nothing to be had; `next` is when it is tried again (ms since 1970). */
  | { state: 'gone'; restarting: boolean; next: number };

export interface Server {
  link: Link;
  /** The last that is known; stays while the server is away. */
  info: Info | null;
  /** Tells that a request failed, so that the page may find out whether the server is still there. */
  report(failure: Failure): void;
  retry(): void;
  useKey(key: string): void;
}

/** Seconds between two attempts: 1, 2, 4, … at most 15. */
const LONGEST_PAUSE = 15;
/** How often a server that answers is looked at, in seconds. */
const IDLE_CHECK = 10;
/** Longest wait for /health, in ms. */
const HEALTH_TIMEOUT = 5000;

/** Follows the server: what it serves, whether it is there, and back to it when it returns. */
export function useServer(): Server {
  const [link, setLink] = useState<Link>({ state: 'loading' });
  const [info, setInfo] = useState<Info | null>(null);
  const [attempt, setAttempt] = useState(0);
  const tried = useRef(0);
  const keyGiven = useRef(false);

  const retry = useCallback(() => setAttempt((before) => before + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` is what starts a new look at the server.
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lost = (restarting: boolean) => {
      const pause = Math.min(LONGEST_PAUSE, 2 ** tried.current);
      tried.current++;
      setLink({ state: 'gone', restarting, next: Date.now() + pause * 1000 });
      timer = setTimeout(look, pause * 1000);
    };
    const look = async () => {
      try {
        // A server that takes the connection and says nothing is as good as gone.
        const health = await fetch('health', {
          signal: AbortSignal.any([stop.signal, AbortSignal.timeout(HEALTH_TIMEOUT)]),
        });
        if (health.status === 503) return lost(true);
        if (!health.ok) return lost(false);
        const found = await getInfo(stop.signal);
        if (stop.signal.aborted) return;
        tried.current = 0;
        keyGiven.current = false;
        setInfo((before) => (JSON.stringify(before) === JSON.stringify(found) ? before : found));
        setLink((before) => (before.state === 'ready' ? before : { state: 'ready' }));
        timer = setTimeout(look, IDLE_CHECK * 1000);
      } catch (error) {
        if (stop.signal.aborted) return;
        const failure = asFailure(error);
        if (failure.kind === 'key') setLink({ state: 'key', refused: keyGiven.current });
        else if (failure.kind === 'gone' || failure.kind === 'restarting')
          lost(failure.kind === 'restarting');
        else setLink({ state: 'broken', message: failure.message });
      }
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [attempt]);

  const report = useCallback(
    (failure: Failure) => {
      if (failure.kind === 'gone' || failure.kind === 'restarting' || failure.kind === 'key') retry();
    },
    [retry],
  );

  const useKey = useCallback(
    (key: string) => {
      saveKey(key);
      keyGiven.current = true;
      setLink({ state: 'loading' });
      retry();
    },
    [retry],
  );

  return { link, info, report, retry, useKey };
}
