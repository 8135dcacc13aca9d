import { createHash, timingSafeEqual } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { ApiError } from './errors.js';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Lets requests with the key pass: `Authorization: Bearer KEY`. The comparison takes the same time whatever was sent. */
export function requireKey(key: string): MiddlewareHandler {
  const wanted = digest(key);
  return async (c, next) => {
    const sent = /^Bearer\s+(.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(sent), wanted)) {
      c.header('WWW-Authenticate', 'Bearer');
      throw new ApiError(401, 'the API key is missing or wrong', {
        type: 'authentication_error',
        code: 'invalid_api_key',
      });
    }
    await next();
  };
}

/** Whether an address is only reached from this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host.replace(/^\[|\]$/g, ''));
}

/**
 * Refuses requests that call the server by another name: a web page whose name was made to point to this machine (DNS
 * rebinding) could otherwise talk to it as its own origin.
 */
export function requireHost(allowed: (host: string) => boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = (c.req.header('host') ?? '').replace(/:\d+$/, '');
    if (!allowed(host))
      throw new ApiError(403, 'the server is not called by this name', { code: 'wrong_host' });
    await next();
  };
}

/** Headers by which a proxy says that it passes on the request of somebody else. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/** True if a request comes from this machine, by its own name, and no proxy has passed it on. */
export function isFromHere(c: Context<{ Bindings: HttpBindings }>): boolean {
  const peer = (c.env.incoming.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const host = (c.req.header('host') ?? '').replace(/:\d+$/, '');
  return isLoopback(peer) && isLoopback(host) && FORWARDED.every((name) => c.req.header(name) === undefined);
}
