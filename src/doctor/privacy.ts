import { homedir, userInfo } from 'node:os';

const SECRETS = /TOKEN|KEY|SECRET|PASSWORD/i;
/** Shorter values would be found in innocent text. */
const SECRET_CHARACTERS = 8;

/** A copy of the report in which the home folder is `~`, and logins in URLs and secrets of the environment are gone. */
export function withoutPrivate<T>(value: T, env: NodeJS.ProcessEnv): T {
  const homes = [env.HOME, env.USERPROFILE, homedir(), systemHome()].filter(
    (path): path is string => path !== undefined && path.length > 1,
  );
  const secrets = Object.entries(env).flatMap(([name, text]) =>
    SECRETS.test(name) && text !== undefined && text.length >= SECRET_CHARACTERS ? [text] : [],
  );
  const clean = (text: string): string => {
    let out = text;
    for (const secret of secrets) out = out.replaceAll(secret, '[secret]');
    out = out.replace(/(:\/\/)[^/\s@]+@/g, '$1');
    for (const home of new Set(homes))
      out = out.replace(new RegExp(`${escapeRegExp(home)}(?![\\w.-])`, 'g'), '~');
    return out;
  };
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return clean(part);
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part === 'object' && part !== null)
      return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, walk(inner)]));
    return part;
  };
  return walk(value) as T;
}

function systemHome(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    // A container may run under a user that has no entry.
    return undefined;
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
