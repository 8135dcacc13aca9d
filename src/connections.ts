import type { Dispatcher } from 'undici';

/**
 * Drops every connection of a dispatcher, also those with an answer in flight.
 * Bun replaces undici by a module of its own whose dispatchers have no methods: there is nothing to drop there, and a request
 * in flight ends by its own signal.
 */
export async function dropConnections(dispatcher: Dispatcher): Promise<void> {
  const { destroy }: { destroy?: () => Promise<void> } = dispatcher;
  await destroy?.call(dispatcher);
}
