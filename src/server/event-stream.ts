/** A stream of server-sent events that its producer fills and a client empties at its own pace. */
export interface EventStream {
  body: ReadableStream<Uint8Array>;
  /** There is something new to take. */
  wake(): void;
  /** What is left is sent, then the stream ends. */
  end(): void;
}

export interface EventSource {
  /** Everything that has gathered since the last call, as events; '' when there is nothing. */
  take(): string;
  /** The client went away, or did not read for too long. Nothing is taken after that. */
  onGone(reason: 'disconnected' | 'stalled'): void;
}

/** An event as it goes over the wire. */
export const eventText = (data: object | string): string =>
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

/**
 * Events are made when the client can take them: what a slow one has not read yet stays with the source, which holds one
 * answer at most, and comes as one piece later. A client that takes nothing for `stallMs` while there is something is cut off.
 */
export function createEventStream(source: EventSource, stallMs: number): EventStream {
  const encoder = new TextEncoder();
  let fresh = false;
  let ended = false;
  let gone = false;
  let pulled: (() => void) | undefined;
  let stall: NodeJS.Timeout | undefined;
  let controller: ReadableStreamDefaultController<Uint8Array>;

  const leave = (reason: 'disconnected' | 'stalled') => {
    if (gone) return;
    gone = true;
    clearTimeout(stall);
    source.onGone(reason);
  };
  const wake = () => {
    if (gone) return;
    fresh = true;
    if (pulled) return pulled();
    stall ??= setTimeout(() => {
      leave('stalled');
      controller.error(new Error('the client does not read'));
    }, stallMs);
  };
  return {
    body: new ReadableStream<Uint8Array>(
      {
        start(given) {
          controller = given;
        },
        async pull() {
          clearTimeout(stall);
          stall = undefined;
          while (!gone) {
            fresh = false;
            const text = source.take();
            if (text) controller.enqueue(encoder.encode(text));
            if (ended && !fresh) {
              gone = true;
              controller.close();
              return;
            }
            if (text) return;
            await new Promise<void>((resolve) => {
              pulled = resolve;
            });
            pulled = undefined;
          }
        },
        cancel() {
          leave('disconnected');
          pulled?.();
        },
      },
      { highWaterMark: 1 },
    ),
    wake,
    end() {
      ended = true;
      wake();
    },
  };
}
