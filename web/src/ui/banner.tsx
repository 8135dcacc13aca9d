import { useEffect, useState } from 'react';
import type { Link } from '../api/use-server.ts';

/** Says that the server is away, and when it is looked for again. */
export function Banner({ link, onRetry }: { link: Link; onRetry(): void }) {
  const gone = link.state === 'gone' ? link : null;
  return (
    <div role="status" aria-live="polite" className="away">
      {gone && (
        <div className="banner">
          <p>
            {gone.restarting
              ? 'The server is starting again.'
              : 'The server does not answer. Is hneurons serve still running?'}{' '}
            <Countdown to={gone.next} />
          </p>
          <button type="button" onClick={onRetry}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

/** Seconds until a moment; hidden from screen readers, which would hear every second of it. */
export function Countdown({ to }: { to: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((to - now) / 1000));
  return <span aria-hidden="true">{seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again …'}</span>;
}
