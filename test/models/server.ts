import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zipSync } from 'fflate';

/** A small hub and package index on localhost, with faults on demand. */

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes that do not compress, always the same for a seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export interface Repo {
  commit: string;
  files: Record<string, Uint8Array>;
  /** What the hub claims, where it differs from the truth. */
  claimedSha256?: Record<string, string>;
  /** Files kept in git itself: no LFS entry. */
  inGit?: string[];
  /** Fields of a file's entry in the listing that a hostile hub states otherwise. */
  claims?: Record<string, object>;
  /** Address of the next page of the listing. */
  nextPage?: string;
  tags?: string[];
  /** What other branches hold; `files` is that of `main`. */
  branches?: Record<string, Repo>;
}

export interface Fault {
  /** Applies to requests whose `host path` contains this. */
  match: string;
  /** How many requests it spoils; default 1. */
  times?: number;
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Sends this many bytes of the file, then cuts the connection. */
  cutAfter?: number;
  /** Sends this many bytes of the file (or nothing at all when 0) and falls silent. */
  stallAfter?: number;
  /** Answers Range requests with the whole file. */
  ignoreRange?: boolean;
}

export interface Seen {
  host: string;
  method: string;
  path: string;
  range?: string;
  authorization?: string;
}

export interface TestServer {
  origin: string;
  /** Models by name, data sets as `datasets/owner/repo`. */
  repos: Record<string, Repo>;
  wheels: Record<string, { filename: string; bytes: Uint8Array; claimedSha256?: string }[]>;
  /** Which index APIs exist. */
  index: { simpleJson: boolean; simpleHtml: boolean; json: boolean };
  faults: Fault[];
  seen: Seen[];
  /** Resolves when a request that contains `match` has been seen and answered as far as a fault lets it. */
  reached(match: string): Promise<void>;
  close(): Promise<void>;
}

export async function startServer(): Promise<TestServer> {
  const waiting: { match: string; go: () => void }[] = [];
  const state: TestServer = {
    origin: '',
    repos: {},
    wheels: {},
    index: { simpleJson: true, simpleHtml: false, json: false },
    faults: [],
    seen: [],
    reached: (match) => new Promise((go) => waiting.push({ match, go })),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const { host = '', range, authorization } = request.headers;
    state.seen.push({ host, method: request.method ?? '', path, range, authorization });
    const fault = takeFault(state, `${host} ${path}`);
    answer(state, request, response, path, fault);
    for (const waiter of waiting.filter(({ match }) => path.includes(match))) setTimeout(waiter.go, 50);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  state.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

function takeFault(state: TestServer, target: string): Fault | undefined {
  const fault = state.faults.find(({ match, times }) => target.includes(match) && times !== 0);
  if (fault) fault.times = (fault.times ?? 1) - 1;
  return fault;
}

function answer(
  state: TestServer,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  fault: Fault | undefined,
): void {
  if (fault?.status !== undefined || fault?.body !== undefined) {
    response.writeHead(fault.status ?? 200, fault.headers).end(fault.body);
    return;
  }
  const info = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/revision\/([^?]+)/.exec(path);
  const tree = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/tree\/([0-9a-f]{40})/.exec(path);
  const resolve = /^\/((?:datasets\/)?[^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(path);
  const cdn = /^\/cdn\/([0-9a-f]{40})\/((?:datasets\/)?[^/]+\/[^/]+)\/(.+)$/.exec(path);
  const simple = /^\/simple\/([^/]+)\/$/.exec(path);
  const json = /^\/pypi\/([^/]+)\/([^/]+)\/json$/.exec(path);
  const asked = info ?? tree;
  const name = asked
    ? asked[1] === 'models'
      ? asked[2]!
      : `datasets/${asked[2]}`
    : (resolve?.[1] ?? cdn?.[2]);
  const repo = branch(state.repos[name ?? ''], asked?.[3] ?? resolve?.[2] ?? cdn?.[1] ?? '');
  const project = (simple ?? json)?.[1] ?? '';
  const wheelFile = Object.values(state.wheels)
    .flat()
    .find(({ filename }) => path === `/files/${filename}`);
  if (info && repo) {
    if (fault?.stallAfter !== 0) sendInfo(response, info[2]!, repo);
  } else if (tree && repo) {
    sendTree(response, repo);
  } else if (resolve && repo?.files[resolve[3]!]) {
    // As the hub does it for large files: off to another host.
    const other = state.origin.replace('127.0.0.1', 'localhost');
    const target = encodeURI(`${other}/cdn/${resolve[2]}/${resolve[1]}/${resolve[3]}`);
    response.writeHead(302, { location: target, 'x-repo-commit': resolve[2]! }).end();
  } else if (cdn && repo) {
    sendFile(request, response, repo.files[cdn[3]!]!, fault);
  } else if (simple && state.wheels[project]) {
    sendSimple(state, response, project);
  } else if (json && state.index.json && state.wheels[project]) {
    const urls = describe(state, project).map(({ url, filename, sha, size }) => ({
      url,
      filename,
      digests: { sha256: sha },
      size,
    }));
    sendJson(response, { urls });
  } else if (wheelFile) {
    sendFile(request, response, wheelFile.bytes, fault);
  } else {
    response.writeHead(404).end('not found');
  }
}

/** The state of a repository at a branch or commit. */
function branch(repo: Repo | undefined, revision: string): Repo | undefined {
  if (repo === undefined || revision === 'main' || revision === repo.commit) return repo;
  const others = Object.entries(repo.branches ?? {});
  return others.find(([name, { commit }]) => name === revision || commit === revision)?.[1];
}

function sendJson(response: ServerResponse, value: unknown, type = 'application/json'): void {
  response.writeHead(200, { 'content-type': type }).end(JSON.stringify(value));
}

function sendInfo(response: ServerResponse, name: string, repo: Repo): void {
  sendJson(response, {
    _id: '1',
    id: name,
    sha: repo.commit,
    tags: repo.tags ?? ['license:mit'],
    private: false,
    gated: false,
    downloads: 1,
    likes: 1,
    lastModified: '2026-01-01T00:00:00Z',
  });
}

function sendTree(response: ServerResponse, repo: Repo): void {
  const entries = Object.entries(repo.files).map(([path, bytes]) => {
    const sha = repo.claimedSha256?.[path] ?? sha256(bytes);
    const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const lfs = { oid: sha, size: bytes.length, pointerSize: 134 };
    const stored = repo.inGit?.includes(path) ? {} : { lfs };
    return { type: 'file', path, size: bytes.length, oid, ...stored, ...repo.claims?.[path] };
  });
  if (repo.nextPage !== undefined) response.setHeader('link', `<${repo.nextPage}>; rel="next"`);
  sendJson(response, [{ type: 'directory', path: 'x', size: 0, oid: '' }, ...entries]);
}

function describe(state: TestServer, project: string) {
  return state.wheels[project]!.map(({ filename, bytes, claimedSha256 }) => ({
    filename,
    url: `${state.origin}/files/${filename}`,
    sha: claimedSha256 ?? sha256(bytes),
    size: bytes.length,
  }));
}

function sendSimple(state: TestServer, response: ServerResponse, project: string): void {
  const files = describe(state, project);
  if (state.index.simpleJson) {
    const list = files.map(({ filename, url, sha, size }) => ({
      filename,
      url,
      size,
      hashes: { sha256: sha },
    }));
    sendJson(
      response,
      { meta: { 'api-version': '1.1' }, name: project, files: list },
      'application/vnd.pypi.simple.v1+json',
    );
  } else if (state.index.simpleHtml) {
    const links = files.map(
      ({ filename, sha }) =>
        `<a data-requires-python="&gt;=3.9" href="../../files/${filename}#sha256=${sha}">${filename}</a><br/>`,
    );
    const page = `<!DOCTYPE html><html><body><h1>Links</h1>${links.join('\n')}</body></html>`;
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  } else {
    response.writeHead(404).end();
  }
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  fault: Fault | undefined,
): void {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = Number(asked?.[1] ?? Number.NaN);
  let body = bytes;
  if (!Number.isNaN(from) && !fault?.ignoreRange) {
    if (from >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    body = bytes.subarray(from, asked?.[2] ? Number(asked[2]) + 1 : bytes.length);
    response.writeHead(206, {
      'content-length': body.length,
      'content-range': `bytes ${from}-${from + body.length - 1}/${bytes.length}`,
    });
  } else {
    response.writeHead(200, { 'content-length': body.length });
  }
  const part = fault?.cutAfter ?? fault?.stallAfter;
  if (part === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, part), () => {
    if (fault?.cutAfter !== undefined) setTimeout(() => response.destroy(), 100);
  });
}

/** A wheel: a zip with the members and the usual metadata beside them. */
export function wheel(members: Record<string, Uint8Array>): Uint8Array {
  const dressed = { 'pkg/__init__.py': new TextEncoder().encode('"""data"""\n'), ...members };
  return zipSync(dressed, { level: 6, mtime: '2026-01-01T00:00:00Z' });
}
