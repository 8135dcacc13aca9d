import { type KeyboardEvent, useCallback, useState } from 'react';
import type { Failure } from '../api/failure.ts';
import type { Info } from '../api/types.ts';
import { watchedNeurons } from '../neurons/places.ts';
import { Announcer } from '../ui/announcer.tsx';
import { NoDetector } from '../ui/notice.tsx';
import type { Answer } from './answer-state.ts';
import { AnswerView } from './answer-view.tsx';
import { Composer } from './composer.tsx';
import { useEndInSight } from './end-in-sight.ts';
import { Legend } from './legend.tsx';
import { summary } from './summary.ts';
import { useChat } from './use-chat.ts';

/** Prompts that show something at once: one that most models know, two that none can. */
const EXAMPLES = [
  'What is the capital of Peru?',
  'Who discovered the chemical element Velmorium?',
  'In which country is the city of Quendara?',
];

export function Chat(props: {
  info: Info;
  onFailure(failure: Failure): void;
  onAnswer(answer: Answer): void;
}) {
  const { info } = props;
  const { detector } = info;
  const threshold = detector?.threshold ?? 0.5;
  const [said, say] = useState('');
  const [numbers, setNumbers] = useState(false);
  const [prompt, setPrompt] = useState('');
  const chat = useChat({
    model: info.model.name,
    onFailure: props.onFailure,
    onAnswer: props.onAnswer,
    say,
    summary: (answers) => summary(answers),
  });
  const frame = useEndInSight(chat.turns.length);

  const stopOnEscape = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && chat.busy) {
      event.preventDefault();
      chat.stop();
    }
  };
  const ask = useCallback(
    (text: string, settings: Parameters<typeof chat.send>[1], alphas: number[]) => {
      chat.send(text, { ...settings, ...(detector && { cett: watchedNeurons(detector.neurons) }) }, alphas);
      setPrompt('');
    },
    [chat.send, detector],
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc stops wherever the focus is; the Stop button does the same.
    <div className="chat" onKeyDown={stopOnEscape} ref={frame}>
      <Announcer text={said} />
      <div className="talk">
        {chat.turns.length === 0 ? (
          <div className="welcome">
            <h2>See where a model makes things up</h2>
            {detector ? (
              <p className="lead">
                Ask something. Each word is coloured by the risk that it is made up, as{' '}
                {detector.neurons.length} neurons of {info.model.name} tell it.
              </p>
            ) : (
              <p className="lead">
                This server has no detector, so the model answers plainly: no colours, no score, and alpha
                changes nothing.
              </p>
            )}
            {info.upstream && (
              <p className="note">
                Another server writes the answers and this one scores them, so there is no alpha to turn.
              </p>
            )}
            {!info.model.chat && (
              <p className="note">
                {info.model.name} is a base model. It answers short questions best; earlier turns are its
                examples.
              </p>
            )}
            <ul className="examples" aria-label="Questions to begin with">
              {EXAMPLES.map((example) => (
                <li key={example}>
                  <button type="button" onClick={() => setPrompt(example)}>
                    {example}
                  </button>
                </li>
              ))}
            </ul>
            {detector === null && (
              <section className="how">
                <h3>How to make a detector</h3>
                <NoDetector commands={info.commands} />
              </section>
            )}
          </div>
        ) : (
          chat.turns.map((turn) => (
            <section key={turn.id} className="turn" aria-label={`Question: ${turn.prompt.slice(0, 80)}`}>
              <h2 className="prompt">{turn.prompt}</h2>
              <div className={turn.answers.length > 1 ? 'columns' : undefined}>
                {turn.answers.map((answer, column) => (
                  <AnswerView
                    // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place.
                    key={column}
                    answer={answer}
                    threshold={threshold}
                    numbers={numbers}
                    scored={detector !== null}
                    onAgain={() => chat.again(turn.id, column)}
                  />
                ))}
              </div>
            </section>
          ))
        )}
      </div>
      <div className="dock">
        {detector && <Legend threshold={threshold} numbers={numbers} onNumbers={setNumbers} />}
        <Composer
          prompt={prompt}
          onPrompt={setPrompt}
          busy={chat.busy}
          alpha={info.alpha}
          alphaRange={(!info.upstream && detector?.alphaRange) || null}
          onAsk={ask}
          onStop={chat.stop}
          onClear={chat.turns.length > 0 ? chat.clear : undefined}
        />
      </div>
    </div>
  );
}
