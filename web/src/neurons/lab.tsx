import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { Failure } from '../api/failure.ts';
import type { Info, Neuron, Question } from '../api/types.ts';
import { type Answer, follow, isBusy } from '../chat/answer-state.ts';
import { AnswerView } from '../chat/answer-view.tsx';
import { summary } from '../chat/summary.ts';
import { Announcer } from '../ui/announcer.tsx';
import { keyOf, watchedNeurons } from './places.ts';

interface Pair {
  base: Answer;
  /** The same question with some neurons off. */
  changed?: Answer;
  /** How many are off in it. */
  off: number;
}

/** Asks the same question of the model as it is and without the neurons that are switched off, and shows both. */
export function Lab(props: {
  info: Info;
  neurons: Neuron[];
  chosen: Neuron;
  off: ReadonlySet<string>;
  current: Answer | null;
  onFailure(failure: Failure): void;
  onAnswer(answer: Answer): void;
}) {
  const { info, neurons, chosen, off, current, onFailure, onAnswer } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const [pair, setPair] = useState<Pair | null>(null);
  const [said, say] = useState('');
  const running = useRef<AbortController | null>(null);
  const busy = pair !== null && [pair.base, pair.changed].some((answer) => answer && isBusy(answer));
  const prompt = typed ?? current?.question.messages.at(-1)?.content ?? '';

  useEffect(() => () => running.current?.abort(), []);

  const ask = async () => {
    if (busy || prompt.trim() === '') return;
    const stop = new AbortController();
    running.current = stop;
    const question: Question = {
      messages: [{ role: 'user', content: prompt.trim() }],
      alpha: 1,
      // Greedy, so that whatever differs comes from the neurons.
      temperature: 0,
      maxTokens: 128,
      seed: 1,
      cett: watchedNeurons(neurons, chosen),
    };
    const without = neurons.filter((neuron) => off.has(keyOf(neuron)));
    say('Answering');
    const put = (name: 'base' | 'changed') => (answer: Answer) => {
      setPair((before) => ({ ...before!, [name]: answer, off: without.length }));
      if (name === 'base') onAnswer(answer);
    };
    // What stands there already, where the same is asked again.
    const same = (old: Answer | undefined, next: Question) =>
      old && JSON.stringify(old.question) === JSON.stringify(next) ? old : undefined;
    const changed: Question = {
      ...question,
      alpha: 0,
      neurons: without.map(({ layer, index }) => [layer, index]),
    };
    setPair(null);
    const answers = await Promise.all([
      follow(question, info.model.name, stop.signal, put('base'), same(pair?.base, question)),
      ...(without.length === 0
        ? []
        : [follow(changed, info.model.name, stop.signal, put('changed'), same(pair?.changed, changed))]),
    ]);
    say(summary(answers));
    const failed = answers.find(({ failure }) => failure)?.failure;
    if (failed) onFailure(failed);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void ask();
  };
  const stopOnEscape = (event: KeyboardEvent) => {
    if (event.key === 'Escape') running.current?.abort();
  };
  const shared = {
    threshold: info.detector?.threshold ?? 0.5,
    numbers: false,
    scored: true,
    onAgain: () => void ask(),
  };

  return (
    <section className="lab" aria-labelledby="lab-title" onKeyDown={stopOnEscape}>
      <Announcer text={said} />
      <h2 id="lab-title">With and without</h2>
      <p className="note">
        {off.size === 0
          ? 'Switch neurons off in the table, then ask: the answer without them stands beside the unchanged one.'
          : `${off.size === 1 ? 'One neuron is' : `${off.size} neurons are`} off. The likeliest words are taken, so whatever differs comes from that.`}
      </p>
      <form className="line" onSubmit={submit}>
        <label className="sr-only" htmlFor="lab-prompt">
          Question to ask with and without
        </label>
        <input
          id="lab-prompt"
          type="text"
          placeholder="Ask something"
          autoComplete="off"
          value={prompt}
          onChange={(event) => setTyped(event.target.value)}
        />
        {busy ? (
          <button
            type="button"
            className="main"
            onClick={() => running.current?.abort()}
            aria-keyshortcuts="Escape"
          >
            Stop
          </button>
        ) : (
          <button type="submit" className="main" disabled={prompt.trim() === ''}>
            Ask
          </button>
        )}
      </form>
      {pair && (
        <>
          {pair.changed && <p className="difference">{difference(pair.base, pair.changed)}</p>}
          <div className={pair.changed ? 'columns' : undefined}>
            <AnswerView answer={pair.base} title="as the model is" {...shared} />
            {pair.changed && (
              <AnswerView
                answer={pair.changed}
                title={`without ${pair.off === 1 ? 'one neuron' : `${pair.off} neurons`}`}
                {...shared}
              />
            )}
          </div>
        </>
      )}
    </section>
  );
}

/** Where two finished answers part, in words. */
function difference(base: Answer, changed: Answer): string {
  if (base.state !== 'done' || changed.state !== 'done') return '';
  const [a, b] = [base.text, changed.text].map((text) => text.trim().split(/\s+/));
  if (a!.join(' ') === b!.join(' ')) return 'The same answer, word for word.';
  const at = a!.findIndex((word, place) => word !== b![place]);
  const first = at < 0 ? a!.length : at;
  return first === 0
    ? 'The answers differ from the first word.'
    : `The answers part after “${a![first - 1]}”.`;
}
