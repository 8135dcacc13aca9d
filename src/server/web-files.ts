import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file of the web page, as it is sent. */
export interface WebFile {
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Compressed; absent where that does not help. */
  gzip?: Uint8Array<ArrayBuffer>;
  /** Its name changes with its content. */
  immutable: boolean;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * The web page, read into memory once: requests choose from a list, so none of them reaches a file of its own choice.
 * @param folder where the build lies; a short page says so when there is none
 * @returns by path, `/` among them
 */
export function webFiles(folder: string): Map<string, WebFile> {
  const files = new Map<string, WebFile>();
  if (existsSync(join(folder, 'index.html'))) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const type = TYPES[extname(entry.name)];
      if (!entry.isFile() || !type) continue;
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(folder.length).split(sep).join('/').replace(/^\/?/, '/');
      files.set(name, webFile(type, readFileSync(path), name.startsWith('/assets/')));
    }
    files.set('/', files.get('/index.html')!);
  } else {
    files.set('/', webFile(TYPES['.html'], Buffer.from(NO_PAGE), false));
  }
  return files;
}

function webFile(type: string, content: Uint8Array, immutable: boolean): WebFile {
  const bytes = new Uint8Array(content);
  const gzip = new Uint8Array(gzipSync(bytes, { level: 9 }));
  return { type, bytes, ...(gzip.length < bytes.length && { gzip }), immutable };
}

const NO_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hneurons</title>
<h1>hneurons serves here</h1>
<p>The web page is not part of this build: <code>npm run build</code> makes it. The API is at <code>/v1</code>;
<a href="/api/info">/api/info</a> says what is served, <a href="/report.html">/report.html</a> is the report of the detector's run.</p>
</html>
`;
