import { join } from 'node:path';
import { parseJsonFile } from '../../formats/json-file.js';
import { readDetector } from '../../pipeline/detector.js';
import { followers, STAGE_FILES, STAGES, type StageName } from '../../pipeline/manifest.js';
import { readManifest } from '../../pipeline/run-folder.js';
import { parseReport, type Report } from '../../report/schema.js';
import { renderTerminal } from '../../report/terminal.js';
import { wantsColour } from '../colour.js';
import type { OutputOptions } from '../options.js';
import type { Session } from '../session.js';

/** Prints what a run command has to show after stage `last`: a summary for people, or one JSON object. */
export async function printRun(
  session: Session,
  options: OutputOptions,
  folder: string,
  last: StageName,
): Promise<void> {
  if (options.json) {
    session.stdout.write(`${JSON.stringify(await describeRun(folder, last))}\n`);
    return;
  }
  if (last === 'report') {
    session.stdout.paint(
      `${renderTerminal(await readReport(folder), { color: wantsColour(session.stdout) })}\n`,
    );
  }
  const names = STAGE_FILES[last].filter((name) => !name.includes('.done.'));
  session.stdout.write(`${names.map((name) => join(folder, name)).join('\n')}\n`);
}

async function describeRun(folder: string, last: StageName): Promise<unknown> {
  const manifest = readManifest(folder)!;
  const done = STAGES.filter((stage) => !followers(last).includes(stage));
  const detector = done.includes('train') ? await readDetector(join(folder, 'detector.json')) : undefined;
  return {
    folder,
    model: manifest.model,
    questions: manifest.questions,
    seed: manifest.seed,
    stages: Object.fromEntries(
      done.map((stage) => {
        const { settings, counts, seconds } = manifest.stages[stage]!;
        return [stage, { settings, counts, seconds }];
      }),
    ),
    ...(detector && { detector }),
    ...(last === 'report' && { verdict: (await readReport(folder)).verdict }),
  };
}

async function readReport(folder: string): Promise<Report> {
  const path = join(folder, 'report.json');
  return parseReport(await parseJsonFile(path, 'delete it and run hneurons report'), path);
}
