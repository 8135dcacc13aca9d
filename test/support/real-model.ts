import { UserError } from '../../src/errors.js';
import { resolveModel } from '../../src/models/resolve.js';

/** A model alias for real: downloaded once, then from the cache; undefined without a network. */
export async function realModel(alias = 'smollm2-135m-instruct'): Promise<string | undefined> {
  try {
    return (await resolveModel(alias)).path;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
