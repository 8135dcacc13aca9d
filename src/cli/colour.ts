/**
 * Whether text for `stream` is coloured: NO_COLOR says no, FORCE_COLOR says yes (but for `0`), and else it is a terminal
 * that shows colours. A pipe or a file gets none, on a CI machine as elsewhere.
 */
export function wantsColour(
  stream: { isTTY?: boolean },
  env: Record<string, string | undefined> = process.env,
): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}
