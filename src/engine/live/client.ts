import { UserError } from '../../errors.js';
import type { Calls, ToChild } from '../host/protocol.js';
import { type LiveEvents, tellEvents } from './events.js';
import type { LiveListener, LiveOptions, LiveSession } from './types.js';

/** The native process, as a live session needs it. */
export interface LiveHost {
  call(name: 'liveOpen', argument: Calls['liveOpen'][0]): Promise<null>;
  call(name: 'liveClose', argument: Calls['liveClose'][0]): Promise<null>;
  post(message: ToChild): void;
  /** One listener at a time: `onEnd` says that the process is gone, or the engine closed. */
  listen(listener: { onEvents(events: LiveEvents): void; onEnd(error: Error): void } | undefined): void;
  /** Why no call can be made any more. */
  readonly ended: Error | undefined;
}

const open = new WeakSet<LiveHost>();

/** The caller's end of a live session: numbers the requests and tells each listener what the native process says of it. */
export async function openLive(host: LiveHost, options: LiveOptions): Promise<LiveSession> {
  const { watch = [], concurrency, contextTokens, exact = true } = options;
  if (open.has(host)) throw new UserError('This engine has a live session already: close it first');
  open.add(host);
  try {
    await host.call('liveOpen', { watch: Int32Array.from(watch), concurrency, contextTokens, exact });
  } catch (error) {
    open.delete(host);
    throw error;
  }
  const requests = new Map<number, { id: string; listener: LiveListener }>();
  const numbers = new Map<string, number>();
  let lastNumber = 0;
  let closed = false;

  const forget = (number: number) => {
    const request = requests.get(number);
    requests.delete(number);
    if (request) numbers.delete(request.id);
    return request?.listener;
  };
  const fail = (number: number, error: Error) => forget(number)?.onError(error);

  /** A listener that throws fails its own request and no other. */
  const guarded = (number: number): LiveListener | undefined => {
    const request = requests.get(number);
    if (!request) return undefined;
    const { listener } = request;
    const guard = (tell: () => void) => {
      try {
        tell();
      } catch (error) {
        host.post({ kind: 'cancel', number });
        fail(number, error as Error);
      }
    };
    return {
      onToken: (token) => guard(() => listener.onToken?.(token)),
      onCett: (index, cett) => guard(() => listener.onCett?.(index, cett)),
      onEnd: (end) => {
        forget(number);
        guard(() => listener.onEnd(end));
      },
      onError: (error) => fail(number, error),
    };
  };

  host.listen({
    onEvents: (events) => tellEvents(events, watch.length, guarded),
    onEnd: (error) => {
      for (const number of [...requests.keys()]) fail(number, error);
    },
  });

  return {
    get active() {
      return requests.size;
    },
    submit({ id, prompt, ...rest }, listener) {
      const refused = host.ended ?? (closed ? new Error('the live session is closed') : undefined);
      if (refused || numbers.has(id)) {
        queueMicrotask(() =>
          listener.onError(refused ?? new Error(`a request with the id ${id} is under way`)),
        );
        return;
      }
      const number = ++lastNumber;
      requests.set(number, { id, listener });
      numbers.set(id, number);
      host.post({ kind: 'submit', request: { ...rest, number, prompt: Int32Array.from(prompt) } });
    },
    cancel(id) {
      const number = numbers.get(id);
      if (number === undefined) return;
      forget(number);
      host.post({ kind: 'cancel', number });
    },
    async close() {
      if (closed) return;
      closed = true;
      requests.clear();
      numbers.clear();
      host.listen(undefined);
      if (!host.ended) await host.call('liveClose', {});
      open.delete(host);
    },
  };
}
