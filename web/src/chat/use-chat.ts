import { useCallback, useRef, useState } from 'react';
import type { Failure } from '../api/failure.ts';
import type { Question } from '../api/types.ts';
import { type Answer, follow, isBusy, newAnswer } from './answer-state.ts';
import { history, type Turn } from './turns.ts';

export interface ChatHooks {
  model: string;
  onFailure(failure: Failure): void;
  /** Hears of the first column's answers as they change. */
  onAnswer(answer: Answer): void;
  /** What screen readers are told. */
  say(text: string): void;
  /** What is said of a finished answer. */
  summary(answers: Answer[]): string;
}

/** The conversation: turns, and answers that stream into them. */
export function useChat(hooks: ChatHooks) {
  const [turns, setTurns] = useState<Turn[]>([]);
  const latest = useRef(turns);
  latest.current = turns;
  const running = useRef(new Set<AbortController>());
  const nextId = useRef(0);
  const hooksNow = useRef(hooks);
  hooksNow.current = hooks;

  const put = useCallback((id: number, column: number, answer: Answer) => {
    setTurns((before) =>
      before.map((turn) =>
        turn.id === id
          ? { ...turn, answers: turn.answers.map((old, at) => (at === column ? answer : old)) }
          : turn,
      ),
    );
    if (column === 0) hooksNow.current.onAnswer(answer);
  }, []);

  const run = useCallback(
    async (id: number, columns: { column: number; question: Question; before?: Answer }[]) => {
      const stop = new AbortController();
      running.current.add(stop);
      hooksNow.current.say('Answering');
      const answers = await Promise.all(
        columns.map(({ column, question, before }) =>
          follow(question, hooksNow.current.model, stop.signal, (answer) => put(id, column, answer), before),
        ),
      );
      running.current.delete(stop);
      hooksNow.current.say(hooksNow.current.summary(answers));
      const failed = answers.find(({ failure }) => failure)?.failure;
      if (failed) hooksNow.current.onFailure(failed);
    },
    [put],
  );

  /** Asks once for each question maker's alpha; `make` adds what was said before, by column. */
  const send = useCallback(
    (prompt: string, settings: Omit<Question, 'messages' | 'alpha'>, alphas: number[]) => {
      const id = nextId.current++;
      const columns = alphas.map((alpha, column) => ({
        column,
        question: {
          ...settings,
          alpha,
          messages: [...history(latest.current, column), { role: 'user' as const, content: prompt }],
        },
      }));
      setTurns((before) => [
        ...before,
        { id, prompt, answers: columns.map(({ question }) => newAnswer(question)) },
      ]);
      void run(id, columns);
    },
    [run],
  );

  const again = useCallback(
    (id: number, column: number) => {
      const answer = latest.current.find((turn) => turn.id === id)?.answers[column];
      if (answer) void run(id, [{ column, question: answer.question, before: answer }]);
    },
    [run],
  );

  const stop = useCallback(() => {
    for (const one of running.current) one.abort();
  }, []);

  const clear = useCallback(() => {
    stop();
    setTurns([]);
  }, [stop]);

  return { turns, busy: turns.some(({ answers }) => answers.some(isBusy)), send, again, stop, clear };
}
