import { join } from 'node:path';
import { writeFileAtomic } from '../../formats/atomic.js';
import type { Origin } from '../../report/origin/schema.js';

/** Writes `origin.html`, which shows all of `origin.json` and opens offline. */
export async function writeOriginPage(out: string, origin: Origin): Promise<void> {
  // The plotting library takes a moment to load.
  const { renderOrigin } = await import('../../report/origin/html.js');
  await writeFileAtomic(join(out, 'origin.html'), renderOrigin(origin));
}
