import { createParser } from 'eventsource-parser';
import { Failure } from './failure.ts';
import type { Chunk, Score, TokenRisk } from './types.ts';

interface RawChunk {
  error?: { message?: string; code?: string | null; type?: string };
  choices?: {
    delta?: { content?: string | null };
    finish_reason?: string | null;
    hneurons?: Partial<Omit<Score, 'tokens'>> & { tokens?: (TokenRisk & { index?: number })[] };
  }[];
}

/**
 * Reads a streamed chat completion. The last chunk carries the whole score, earlier ones the risks of some tokens.
 * Throws a Failure when the stream carries an error, is no stream, or breaks off before its end.
 */
export async function streamChat(response: Response, onChunk: (chunk: Chunk) => void): Promise<void> {
  if (response.body === null) throw new Failure('gone', 'The server sent no answer.');
  let done = false;
  let finished = false;
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') {
        done = true;
        return;
      }
      const chunk = readChunk(data);
      if (chunk.finish !== undefined) finished = true;
      onChunk(chunk);
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { value, done: over } = await reader.read();
    if (over) break;
    parser.feed(decoder.decode(value, { stream: true }));
  }
  if (!done && !finished) throw new Failure('gone', 'The answer broke off: the server stopped sending.');
}

function readChunk(data: string): Chunk {
  let raw: RawChunk;
  try {
    raw = JSON.parse(data) as RawChunk;
  } catch {
    throw new Failure('refused', 'The server sent something that is no answer.');
  }
  if (raw.error) {
    const kind = raw.error.code === 'timeout' ? 'timeout' : 'restarting';
    throw new Failure(kind, raw.error.message ?? 'The server could not finish the answer.');
  }
  const choice = raw.choices?.[0];
  const extra = choice?.hneurons;
  const score = extra?.verdict === undefined ? undefined : (extra as Score);
  return {
    text: choice?.delta?.content ?? '',
    tokens: (extra?.tokens ?? []).map((token, at) => ({ ...token, index: token.index ?? at })),
    ...(choice?.finish_reason && { finish: choice.finish_reason }),
    ...(score && { score }),
  };
}
