/** Longest label of an axis, in characters. */
const LONGEST = 16;

/**
 * Names for the axis of a figure: what all of them begin or end with is left out, up to a mark that parts words, and what is still
 * long is cut where the names can be told apart without it.
 */
export function shortNames(names: readonly string[]): string[] {
  const start = sharedStart(names);
  const ends = names.map((name) => name.slice(start));
  const end = sharedStart(ends.map(reversed));
  const short = ends.map((name) => name.slice(0, name.length - end));
  const cut = short.map((name) => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name));
  return new Set(cut).size === new Set(short).size ? cut : short;
}

/** Length of what all names begin with, up to the last mark in it; 0 where nothing would be left of one. */
function sharedStart(names: readonly string[]): number {
  if (names.length < 2) return 0;
  let length = 0;
  while (length < names[0].length && names.every((name) => name[length] === names[0][length])) length++;
  const start = names[0].slice(0, length).search(/[^-_./@ ]*$/);
  return names.every((name) => name.length > start) ? start : 0;
}

const reversed = (name: string) => [...name].reverse().join('');
