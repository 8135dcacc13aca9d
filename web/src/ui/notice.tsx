import { type ReactNode, useRef, useState } from 'react';
import type { Info } from '../api/types.ts';

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

type Copied = 'no' | 'yes' | 'marked';

/** A command line with a button that copies it, or marks it where the browser lets nothing be copied. */
export function Command({ children }: { children: string }) {
  const [copied, setCopied] = useState<Copied>('no');
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    const done = (await copyText(children)) || (code.current !== null && copyMarked(code.current));
    setCopied(done ? 'yes' : 'marked');
    if (done) setTimeout(() => setCopied('no'), 2000);
  };
  return (
    <div className="command">
      <code ref={code}>{children}</code>
      <button type="button" className="quiet" onClick={copy}>
        {copied === 'yes' ? 'Copied' : 'Copy'}
      </button>
      <p role="status">
        {copied === 'marked' && 'The browser does not let it be copied: it is marked, press Ctrl+C or ⌘C.'}
      </p>
    </div>
  );
}

/** Only over HTTPS or on this machine is there a clipboard, and it may be refused. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Marks the text of an element and copies it in the old way. */
function copyMarked(element: HTMLElement): boolean {
  getSelection()?.selectAllChildren(element);
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  }
}

/** How to make a detector for the model that is served. */
export function NoDetector({ commands }: { commands: Info['commands'] }) {
  const { find, serve } = commands ?? {
    find: 'npx hneurons find --model MODEL',
    serve: 'npx hneurons serve --model MODEL --detector RUN_FOLDER/detector.json',
  };
  return (
    <>
      <p>
        Finding the neurons takes some minutes for a small model. It asks the model questions, reads every
        neuron while it answers, and keeps the few that tell.
      </p>
      <Command>{find}</Command>
      <p>
        Its last lines name the run folder. Then stop this server and, in the same folder as before, serve the
        model with its detector:
      </p>
      <Command>{serve}</Command>
      {/\bFOLDER\//.test(find) && (
        <p className="note">FOLDER stands for where the file lies on the machine of the server.</p>
      )}
    </>
  );
}
