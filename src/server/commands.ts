import { basename, resolve } from 'node:path';
import { fileName } from '../formats/file-name.js';

/** Commands that make a detector for the model that is served, and serve the model with it. */
export interface DetectorCommands {
  find: string;
  serve: string;
}

/**
 * The commands as they can be typed on the machine of the server (`here`), and as they may be shown elsewhere: without the folders of
 * files, for which the word FOLDER stands.
 * @param model.spec the model as it was given to the command line
 * @param model.name its short name, which the run folder is named after
 * @param model.isFile true if `spec` is the path of a file
 * @param engine further options that the model was loaded with
 */
export function detectorCommands(
  model: { spec: string; name: string; isFile: boolean },
  engine: { device?: string; gpuLayers?: number; threads?: number; library?: string },
): { here: DetectorCommands; elsewhere: DetectorCommands } {
  const detector = `runs/${fileName(model.name)}-builtin/detector.json`;
  const write = (file: (path: string) => string): DetectorCommands => {
    const options = [
      ['--model', model.isFile ? file(model.spec) : model.spec],
      ['--device', engine.device],
      ['--gpu-layers', engine.gpuLayers],
      ['--threads', engine.threads],
      ['--library', engine.library === undefined ? undefined : file(engine.library)],
    ] as const;
    const typed = options.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${quote(String(value))}`],
    );
    return {
      find: ['npx hneurons find', ...typed].join(' '),
      serve: ['npx hneurons serve', ...typed, `--detector ${quote(detector)}`].join(' '),
    };
  };
  return {
    here: write((path) => resolve(path)),
    elsewhere: write((path) => `FOLDER/${basename(path)}`),
  };
}

/** A word of a command line, in quotes where the shell of this machine would read it as anything else. */
export function quote(word: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w%+=:,./@-]+$/.test(word)) return word;
  // In cmd and PowerShell a path cannot hold quotes, and a backslash is an ordinary character.
  if (platform === 'win32') return `"${word}"`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
