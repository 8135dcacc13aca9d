import type { HonoContext } from './computing.js';
import { ApiError, CLIENT_GONE, invalid } from './errors.js';

/**
 * The JSON body of a request.
 * @param most bytes that it may have
 * @throws ApiError 415 for another type, 413 for one that is too large, 400 for what is no JSON
 */
export async function readBody(c: HonoContext, most: number): Promise<unknown> {
  // Also what keeps a foreign web page from sending requests: browsers ask first before they send this type.
  const type = c.req.header('content-type')?.split(';')[0].trim().toLowerCase();
  if (type !== 'application/json') {
    throw new ApiError(415, 'the body must be application/json', { code: 'unsupported_media_type' });
  }
  if (Number(c.req.header('content-length') ?? 0) > most) throw tooLarge(most);
  const text = new TextDecoder().decode(await readBytes(c.req.raw.body, most));
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('the body is not valid JSON');
  }
}

/** Counts as it reads: a body in chunks has no length beforehand. */
async function readBytes(body: ReadableStream<Uint8Array> | null, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  if (!body) return Buffer.concat(parts);
  const reader = body.getReader();
  let size = 0;
  for (;;) {
    const part = await reader.read().catch(() => {
      throw new ApiError(CLIENT_GONE, 'the client went away before its request was complete');
    });
    if (part.done) return Buffer.concat(parts, size);
    size += part.value.length;
    if (size > most) {
      void reader.cancel().catch(() => {});
      throw tooLarge(most);
    }
    parts.push(part.value);
  }
}

const tooLarge = (most: number) =>
  new ApiError(413, `the body is larger than ${most} bytes`, { code: 'body_too_large' });
