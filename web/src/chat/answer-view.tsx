import { useEffect, useState } from 'react';
import { capital } from '../../../src/report/format.ts';
import type { Failure } from '../api/failure.ts';
import { type Answer, isBusy } from './answer-state.ts';
import { PartsView } from './parts.tsx';
import { alphaName } from './summary.ts';
import { VerdictView } from './verdict.tsx';
import { WordsView } from './words-view.tsx';

/** One answer with its colours, score, and what went wrong. */
export function AnswerView(props: {
  answer: Answer;
  threshold: number;
  numbers: boolean;
  /** The server has a detector. */
  scored: boolean;
  /** Stands above the answer; by default its alpha. */
  title?: string;
  onAgain(): void;
}) {
  const { answer, threshold, numbers, scored, onAgain } = props;
  const { text, tokens, state, score, failure, finish, question } = answer;
  const title = props.title ?? (scored ? alphaName(question.alpha) : 'Answer');
  return (
    <article className="answer" aria-label={`Answer, ${title}`} aria-busy={isBusy(answer)}>
      <h3>
        {capital(title)}
        <State answer={answer} />
      </h3>
      {text !== '' && (
        <>
          <p className="sr-only">{text}</p>
          <WordsView
            text={text}
            tokens={tokens}
            threshold={score?.threshold ?? threshold}
            numbers={numbers}
          />
        </>
      )}
      {state === 'waiting' && <div className="pulse" aria-hidden="true" />}
      {state === 'done' && text.trim() === '' && <p className="note">The model said nothing.</p>}
      {finish === 'length' && state === 'done' && (
        <p className="note">Cut off at {question.maxTokens} tokens, the most that was asked for.</p>
      )}
      {state === 'stopped' && <p className="note">Stopped, so it has no score.</p>}
      {score && <VerdictView score={score} text={text} />}
      {score && <PartsView score={score} />}
      {failure && <Trouble failure={failure} onAgain={onAgain} />}
    </article>
  );
}

function State({ answer }: { answer: Answer }) {
  if (answer.state === 'waiting') return <small>waiting</small>;
  if (answer.state === 'streaming') return <small>answering</small>;
  return null;
}

/** Why there is no answer, and a button that asks again. */
function Trouble({ failure, onAgain }: { failure: Failure; onAgain(): void }) {
  const wait = useSecondsLeft(failure);
  const busy = failure.kind === 'busy';
  return (
    <div className="trouble">
      <p role="alert">
        {busy ? 'The server is busy and its queue is full. ' : failure.message}
        {busy && (wait > 0 ? `Please wait ${failure.retryAfter} s.` : 'Please wait a moment.')}
      </p>
      <button type="button" onClick={onAgain} disabled={wait > 0}>
        {wait > 0 ? `Ask again in ${wait} s` : 'Ask again'}
      </button>
    </div>
  );
}

/** Seconds until the server wants to be asked again; counts down to 0. */
function useSecondsLeft(failure: Failure): number {
  const [left, setLeft] = useState(failure.retryAfter ?? 0);
  useEffect(() => {
    setLeft(failure.retryAfter ?? 0);
    const timer = setInterval(() => setLeft((before) => Math.max(0, before - 1)), 1000);
    return () => clearInterval(timer);
  }, [failure]);
  return left;
}
