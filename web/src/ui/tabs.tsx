import { type KeyboardEvent, useRef } from 'react';

interface Tab<Id extends string> {
  id: Id;
  name: string;
}

/** ARIA's tabs: one stop for the Tab key, arrow keys between them. The panels are `view-<id>`. */
export function TabList<Id extends string>(props: {
  tabs: readonly Tab<Id>[];
  chosen: Id;
  onChoose(id: Id): void;
}) {
  const { tabs, chosen, onChoose } = props;
  const list = useRef<HTMLDivElement>(null);

  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { id } = tabs[(to + tabs.length) % tabs.length]!;
    onChoose(id);
    list.current?.querySelector<HTMLElement>(`#tab-${id}`)?.focus();
  };

  return (
    <div role="tablist" aria-label="Views" className="tabs" ref={list}>
      {tabs.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === chosen}
          aria-controls={id === chosen ? `view-${id}` : undefined}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
          onKeyDown={move}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
