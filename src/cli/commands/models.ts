import { humanBytes } from '../../models/disk.js';
import { listModels } from '../../models/list.js';
import type { OutputOptions } from '../options.js';
import type { Session } from '../session.js';

/** `hneurons models`: the aliases and every GGUF that is on this machine already. */
export async function runModels(session: Session, flags: OutputOptions): Promise<void> {
  const models = await listModels();
  if (flags.json) {
    session.stdout.write(`${JSON.stringify(models)}\n`);
    return;
  }
  const rows = models.map((model) => [
    `${model.spec}${model.default ? ' (default)' : ''}`,
    humanBytes(model.size),
    model.path === undefined ? 'not downloaded' : 'on this machine',
    [model.summary, model.licence?.name].filter((text) => text !== undefined).join('; '),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    const cells = row.map((cell, column) => (column < 3 ? cell.padEnd(widths[column]) : cell));
    session.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}
