import type { Context } from 'hono';
import { ApiError, invalid } from './errors.js';

/**
 * The JSON body of a request.
 * @throws ApiError 415 for another type, 400 for what is no JSON
 */
export async function readBody(c: Context): Promise<unknown> {
  // Also what keeps a foreign web page from sending requests: browsers ask first before they send this type.
  const type = c.req.header('content-type')?.split(';')[0].trim().toLowerCase();
  if (type !== 'application/json') {
    throw new ApiError(415, 'the body must be application/json', { code: 'unsupported_media_type' });
  }
  const text = await c.req.text();
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('the body is not valid JSON');
  }
}
