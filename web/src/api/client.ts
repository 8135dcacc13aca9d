import { Failure, failureOf } from './failure.ts';
import { streamChat } from './stream.ts';
import type { Chunk, Info, NeuronDetail, Question } from './types.ts';

const KEY = 'hneurons-key';

/** The API key of this tab; it is gone when the tab is closed. */
export function savedKey(): string {
  return sessionStorage.getItem(KEY) ?? '';
}

export function saveKey(key: string): void {
  if (key === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

/** Asks the server; relative, so that the page also works below a path. Throws a Failure unless it answers 2xx. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = savedKey();
  if (key !== '') headers.set('authorization', `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Failure('gone', 'The server does not answer.');
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask(path, { signal })).json() as Promise<T>;
}

export const getInfo = (signal?: AbortSignal) => read<Info>('api/info', signal);
export const getRun = (signal?: AbortSignal) => read<unknown>('api/run', signal);
export const getNeuron = (layer: number, index: number, signal?: AbortSignal) =>
  read<NeuronDetail>(`api/neurons/${layer}/${index}`, signal);

/** Streams an answer; `onChunk` hears each step. Resolves at its end. Throws a Failure, or AbortError when stopped. */
export async function answer(
  question: Question,
  model: string,
  onChunk: (chunk: Chunk) => void,
  signal: AbortSignal,
): Promise<void> {
  const { messages, alpha, temperature, maxTokens, seed, neurons, cett } = question;
  const response = await ask('v1/chat/completions', {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages,
      stream: true,
      temperature,
      max_tokens: maxTokens,
      seed,
      hneurons: { alpha, ...(neurons && { neurons }), ...(cett && { cett }) },
    }),
  });
  await streamChat(response, onChunk);
}
