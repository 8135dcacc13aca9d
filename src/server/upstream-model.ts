import { invalid, noModel } from './errors.js';
import type { ServerContext } from './types.js';
import type { Upstream } from './upstream.js';

/** Names that are shown in a message at most. */
const SHOWN = 10;

/**
 * The name by which the other server is asked for a model. Clients may say one of its own names, ours, or none: ours and none mean
 * the one that was set at the start, or the only one that is there. Undefined: none is sent.
 *
 * @throws ApiError 404 for another name than the one that was set, 400 where it is not clear which of several is meant
 */
export async function upstreamModel(
  { model }: Pick<ServerContext, 'model'>,
  upstream: Upstream,
  asked: string | undefined,
): Promise<string | undefined> {
  const ours = asked === undefined || asked === model.name;
  if (upstream.model !== undefined) {
    if (ours || asked === upstream.model) return upstream.model;
    throw noModel(asked);
  }
  if (!ours) return asked;
  const known = await upstream.models();
  if (known === undefined || (asked !== undefined && known.includes(asked))) return asked;
  if (known.length === 1) return known[0];
  const names = known.slice(0, SHOWN).join(', ') + (known.length > SHOWN ? ', …' : '');
  throw invalid(
    `model: the upstream server ${upstream.host} has ${known.length}; name one of them (${names}), or start this server with --upstream-model`,
    'model',
  );
}

/** The names that clients are shown. */
export async function namesOf({
  model,
  upstream,
}: Pick<ServerContext, 'model' | 'upstream'>): Promise<string[]> {
  if (!upstream) return [model.name];
  return upstream.model !== undefined ? [upstream.model] : ((await upstream.models()) ?? [model.name]);
}
