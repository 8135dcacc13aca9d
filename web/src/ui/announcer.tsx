/** Tells screen readers of what has happened: once when an answer begins, once when it ends, not with every token. */
export function Announcer({ text }: { text: string }) {
  return (
    <div className="sr-only" role="status" aria-live="polite">
      {text}
    </div>
  );
}
