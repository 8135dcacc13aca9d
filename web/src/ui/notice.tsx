import { type ReactNode, useState } from 'react';

/** Says how things are where there is nothing else to show. */
export function Notice(props: { title: string; tone?: 'bad'; children?: ReactNode }) {
  return (
    <section className={`notice ${props.tone ?? ''}`} role={props.tone === 'bad' ? 'alert' : undefined}>
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      {what} …
    </p>
  );
}

/** A command line with a button that copies it. */
export function Command({ children }: { children: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(children);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // No clipboard without HTTPS or permission: the text can still be marked by hand.
    }
  };
  return (
    <div className="command">
      <code>{children}</code>
      <button type="button" className="quiet" onClick={copy}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

/** How to make a detector for the model that is served. */
export function NoDetector({ model }: { model: string }) {
  return (
    <>
      <p>
        Finding the neurons takes some minutes for a small model. It asks the model questions, reads every
        neuron while it answers, and keeps the few that tell.
      </p>
      <Command>{`npx hneurons find --model ${model}`}</Command>
      <p>
        Its last lines name the run folder. Then serve the model with it, named as it was named to hneurons
        serve:
      </p>
      <Command>{`npx hneurons serve --model ${model} --detector runs/${model}-builtin/detector.json`}</Command>
    </>
  );
}
