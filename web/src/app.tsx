import { useCallback, useEffect, useState } from 'react';
import { useServer } from './api/use-server.ts';
import type { Answer } from './chat/answer-state.ts';
import { Chat } from './chat/chat.tsx';
import { Neurons } from './neurons/neurons.tsx';
import { Run } from './run/run.tsx';
import { Banner } from './ui/banner.tsx';
import { Boundary } from './ui/boundary.tsx';
import { KeyForm } from './ui/key-form.tsx';
import { Loading, Notice } from './ui/notice.tsx';
import { TabList } from './ui/tabs.tsx';

const VIEWS = [
  { id: 'chat', name: 'Chat' },
  { id: 'neurons', name: 'Neurons' },
  { id: 'run', name: 'Run' },
] as const;
type View = (typeof VIEWS)[number]['id'];

function viewInAddress(): View {
  const wanted = location.hash.slice(1);
  return VIEWS.find(({ id }) => id === wanted)?.id ?? 'chat';
}

export function App() {
  const server = useServer();
  const { link, info } = server;
  const [view, setView] = useState<View>(viewInAddress);
  const [opened, setOpened] = useState<Set<View>>(() => new Set([viewInAddress()]));
  const [current, setCurrent] = useState<Answer | null>(null);

  // A server that wants a key shows nothing to one who has none.
  const shown = link.state === 'key' ? null : info;

  const show = useCallback((next: View) => {
    setView(next);
    setOpened((before) => (before.has(next) ? before : new Set(before).add(next)));
  }, []);
  // A view that is chosen is an entry of the history, so that Back leads to the one before.
  const choose = useCallback(
    (next: View) => {
      if (next !== viewInAddress()) history.pushState(null, '', `#${next}`);
      show(next);
    },
    [show],
  );

  useEffect(() => {
    const follow = () => show(viewInAddress());
    // The address may have changed since the page was drawn first.
    follow();
    for (const event of ['popstate', 'hashchange']) addEventListener(event, follow);
    return () => {
      for (const event of ['popstate', 'hashchange']) removeEventListener(event, follow);
    };
  }, [show]);

  return (
    <>
      <header className="top">
        <h1>hneurons</h1>
        {shown && <TabList tabs={VIEWS} chosen={view} onChoose={choose} />}
        {info && (
          <p className="served" title={`${info.model.name} ${info.model.quantisation}`}>
            {info.model.name} <span>{info.model.quantisation}</span>
          </p>
        )}
      </header>
      <Banner link={link} onRetry={server.retry} />
      <main>
        {link.state === 'key' && <KeyForm refused={link.refused} onKey={server.useKey} />}
        {info === null && link.state === 'loading' && <Loading what="Asking the server what it serves" />}
        {info === null && link.state === 'broken' && (
          <Notice title="The server could not say what it serves" tone="bad">
            <p>{link.message}</p>
            <button type="button" onClick={server.retry}>
              Ask again
            </button>
          </Notice>
        )}
        {/* Views stay in the page once opened, so that nothing in them is lost by looking at another. */}
        {shown &&
          VIEWS.filter(({ id }) => opened.has(id)).map(({ id }) => (
            <div
              key={id}
              role="tabpanel"
              id={`view-${id}`}
              aria-labelledby={`tab-${id}`}
              hidden={view !== id}
            >
              <Boundary>
                {id === 'chat' && <Chat info={shown} onFailure={server.report} onAnswer={setCurrent} />}
                {id === 'neurons' && (
                  <Neurons info={shown} current={current} onFailure={server.report} onAnswer={setCurrent} />
                )}
                {id === 'run' && <Run info={shown} />}
              </Boundary>
            </div>
          ))}
      </main>
    </>
  );
}
