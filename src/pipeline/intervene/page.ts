import { join } from 'node:path';
import { writeFileAtomic } from '../../formats/atomic.js';
import type { Intervention } from '../../report/intervention/schema.js';

/** Writes `intervention.html`, which shows all of `intervention.json` and opens offline. */
export async function writeInterventionPage(out: string, found: Intervention): Promise<void> {
  // The plotting library takes a moment to load.
  const { renderIntervention } = await import('../../report/intervention/html.js');
  await writeFileAtomic(join(out, 'intervention.html'), renderIntervention(found));
}
