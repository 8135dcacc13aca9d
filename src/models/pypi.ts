import { z } from 'zod';
import { SourceFailure } from './failure.js';
import { HttpFailure, requestText } from './http.js';
import { packageIndex } from './places.js';
import type { Session } from './types.js';

export interface Wheel {
  url: string;
  sha256: string;
  size?: number;
}

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/i);
const SimpleSchema = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.record(z.string(), z.string()),
      size: z.int().min(0).optional(),
    }),
  ),
});
const VersionSchema = z.object({
  urls: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      digests: z.object({ sha256: Sha256 }),
      size: z.int().min(0).optional(),
    }),
  ),
});

/**
 * Address and SHA-256 of a project's wheel. Asks the Simple API (PEP 691 JSON or PEP 503 HTML), which every
 * index and mirror has, then PyPI's own JSON API.
 * @throws SourceFailure when the index cannot be reached or does not have the wheel.
 */
export async function findWheel(session: Session, project: string, version: string): Promise<Wheel> {
  const index = packageIndex(session.env);
  const slug = project.toLowerCase().replace(/[-_.]+/g, '-');
  const prefix = `${slug.replaceAll('-', '_')}-${version}-`;
  const fits = (filename: string) => filename.toLowerCase().startsWith(prefix) && filename.endsWith('.whl');
  const wheel =
    (await unlessAbsent(simpleApi(session, `${index.simple}${slug}/`, fits))) ??
    (await unlessAbsent(jsonApi(session, `${index.json}${slug}/${version}/json`, fits)));
  if (wheel === undefined) {
    throw new SourceFailure(`${new URL(index.simple).host} has no wheel of ${project} ${version}`);
  }
  return wheel;
}

/** A 404, or an answer in another shape, is no failure of the network: the other API may know. */
async function unlessAbsent(answer: Promise<Wheel | undefined>): Promise<Wheel | undefined> {
  try {
    return await answer;
  } catch (error) {
    const absent = error instanceof HttpFailure && [404, 406, 410].includes(error.details.status ?? 0);
    // A TypeError is an address that is none.
    if (absent || error instanceof z.ZodError || error instanceof SyntaxError || error instanceof TypeError) {
      return undefined;
    }
    throw error;
  }
}

type Fits = (filename: string) => boolean;

async function simpleApi(session: Session, url: string, fits: Fits): Promise<Wheel | undefined> {
  const accept =
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';
  const answer = await requestText(session, url, { accept });
  if (!answer.contentType.includes('json')) return fromHtml(answer.text, answer.url, url, fits);
  const file = SimpleSchema.parse(JSON.parse(answer.text)).files.find(({ filename }) => fits(filename));
  if (file === undefined) return undefined;
  return wheelAt(url, new URL(file.url, answer.url).href, Sha256.parse(file.hashes.sha256), file.size);
}

/** PEP 503: anchors whose text is the file name and whose fragment is the hash. */
function fromHtml(html: string, base: string, index: string, fits: Fits): Wheel | undefined {
  for (const [, quoted, text] of html.matchAll(
    /<a\b[^>]*?\bhref\s*=\s*("[^"]*"|'[^']*')[^>]*>([^<]*)<\/a>/gi,
  )) {
    if (!fits(text!.trim())) continue;
    const link = new URL(quoted!.slice(1, -1).replaceAll('&amp;', '&'), base);
    const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(link.hash)?.[1];
    if (sha256 === undefined) return undefined;
    link.hash = '';
    return wheelAt(index, link.href, sha256);
  }
  return undefined;
}

async function jsonApi(session: Session, url: string, fits: Fits): Promise<Wheel | undefined> {
  const answer = await requestText(session, url, { accept: 'application/json' });
  const { urls } = VersionSchema.parse(JSON.parse(answer.text));
  const file = urls.find(({ filename }) => fits(filename));
  return file && wheelAt(url, new URL(file.url, answer.url).href, file.digests.sha256, file.size);
}

/** An index with a login serves its files under the same login; credentials never go to another host. */
function wheelAt(index: string, address: string, sha256: string, size?: number): Wheel {
  const url = new URL(address);
  const { origin, username, password } = new URL(index);
  if (url.origin === origin && url.username === '') {
    url.username = username;
    url.password = password;
  }
  return { url: url.href, sha256: sha256.toLowerCase(), size };
}
