import { closeHttp, openHttp } from './http.js';
import { hubOffline } from './places.js';
import type { ResolveOptions, Session } from './types.js';

/**
 * Opens what downloads share (connections, environment, listeners), lends it to `work`, and closes the connections whatever comes of
 * that. A failure after the signal was aborted is the signal's reason; any other goes through `explain`.
 * @param explain turns what went wrong into the error that is thrown
 */
export async function withSession<T>(
  options: ResolveOptions,
  work: (session: Session) => Promise<T>,
  explain: (error: unknown) => unknown,
): Promise<T> {
  const env = options.env ?? process.env;
  const session: Session = {
    env,
    http: openHttp(env, options.times),
    offline: options.offline ?? hubOffline(env),
    signal: options.signal,
    notice: options.onNotice ?? (() => undefined),
    progress: options.onProgress ?? (() => undefined),
  };
  try {
    return await work(session);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explain(error);
  } finally {
    await closeHttp(session.http);
  }
}
