import { UserError } from '../errors.js';
import { readTextFile } from '../formats/text-file.js';
import { words } from './normalise.js';
import { UNCERTAINTY_MARKERS } from './uncertainty.js';

/**
 * The uncertainty markers that a user wants: `none`; the phrases of a file, one a line, in place of the built-in ones; or, with
 * `+` in front of the file's name, besides them. Blank lines, and lines that begin with `#`, are passed over.
 * @throws UserError for a file that cannot be read, holds no phrase, or has a line without letter or digit
 */
export async function readMarkers(spec: string | undefined): Promise<readonly string[]> {
  if (spec === undefined) return UNCERTAINTY_MARKERS;
  if (spec === 'none') return [];
  const added = spec.startsWith('+');
  const path = added ? spec.slice(1) : spec;
  const text = await readTextFile(path);
  const markers: string[] = [];
  text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .forEach((line, i) => {
      const phrase = line.trim();
      if (phrase === '' || phrase.startsWith('#')) return;
      if (words(phrase).length === 0) {
        throw new UserError(`${path}, line ${i + 1}: "${phrase}" has no letter or digit to look for`);
      }
      markers.push(phrase);
    });
  if (markers.length === 0) {
    throw new UserError(`${path} holds no phrase: write one a line, or use --markers none`);
  }
  return [...new Set([...(added ? UNCERTAINTY_MARKERS : []), ...markers])];
}
