import { memo, type PointerEvent, useMemo, useState } from 'react';
import type { TokenRisk } from '../api/types.ts';
import { figure, percent, riskStep, toWords, type Word } from './words.ts';

interface Tip {
  text: string;
  x: number;
  y: number;
}

/** A text with each word coloured by risk; the number on hover or tap, under the word on demand, and for screen readers. */
export const WordsView = memo(function WordsView(props: {
  text: string;
  tokens: (TokenRisk | undefined)[];
  threshold: number;
  numbers: boolean;
}) {
  const words = useMemo(() => toWords(props.text.trimStart(), props.tokens), [props.text, props.tokens]);
  const [tip, setTip] = useState<Tip | null>(null);

  const point = (event: PointerEvent<HTMLElement>) => {
    const word = (event.target as HTMLElement).closest<HTMLElement>('[data-word]');
    const found = word && words[Number(word.dataset.word)];
    if (!word || !found || found.risk === undefined) return setTip(null);
    const box = word.getBoundingClientRect();
    const frame = event.currentTarget.getBoundingClientRect();
    // Kept within the text, so that a tip near an edge stays on a phone's screen.
    const x = Math.min(Math.max(box.left + box.width / 2 - frame.left, 70), Math.max(70, frame.width - 70));
    setTip({ text: tipOf(found), x, y: box.top - frame.top });
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset holds controls, these are words.
    <div
      role="group"
      className={`words ${props.numbers ? 'numbered' : ''}`}
      aria-label="Word by word, with risk"
      onPointerOver={point}
      onPointerDown={point}
      onPointerLeave={() => setTip(null)}
    >
      {words.map((word, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a word is its place in the text.
        <WordView key={at} at={at} word={word} threshold={props.threshold} />
      ))}
      {tip && (
        <span className="tip" style={{ left: tip.x, top: tip.y }} aria-hidden="true">
          {tip.text}
        </span>
      )}
    </div>
  );
});

function tipOf({ risk, tokens }: Word): string {
  return `risk ${percent(risk!)}${tokens > 1 ? `, highest of ${tokens} tokens` : ''}`;
}

const WordView = memo(
  function WordView({ at, word, threshold }: { at: number; word: Word; threshold: number }) {
    const { text, risk } = word;
    if (risk === undefined) return <span className={text.trim() === '' ? undefined : 'word'}>{text}</span>;
    const number = figure(risk);
    return (
      <span
        className={`word r${riskStep(risk)} ${risk >= threshold ? 'over' : ''}`}
        style={{ '--digits': number.length } as React.CSSProperties}
        data-word={at}
        data-risk={risk}
      >
        {text}
        <span className="figure" aria-hidden="true">
          {number}
        </span>
        <span className="sr-only"> (risk {percent(risk)})</span>
      </span>
    );
  },
  (a, b) => a.word.text === b.word.text && a.word.risk === b.word.risk && a.threshold === b.threshold,
);
