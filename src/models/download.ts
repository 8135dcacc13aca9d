import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Response } from 'undici';
import { ensureSpace } from './disk.js';
import { SourceFailure } from './failure.js';
import { backOff, HttpFailure, networkFailure, requestOnce } from './http.js';
import type { Session } from './types.js';
import { startDigest } from './verify.js';

/** What proves that a file is the wanted one. `git-sha1` is the object id of a file that is not in LFS. */
export interface Digest {
  algorithm: 'sha256' | 'git-sha1';
  hex: string;
}

export interface DownloadJob {
  url: string;
  headers?: Record<string, string>;
  /** Gathers the bytes; what an earlier call left there is kept and completed. */
  partial: string;
  digest: Digest;
  /** Bytes of the whole file, where the source has said so. */
  size?: number;
  /** Maximum number of bytes, for sources that need not say the size. */
  maxSize?: number;
  /** Called with bytes gained (those found on disk included); negative when they had to be thrown away. */
  onBytes?: (bytes: number) => void;
  /** Called once the size is known. */
  onSize?: (size: number) => void;
}

/**
 * Fetches a file into `job.partial`: resumes with a Range request, survives cut and stalled connections, checks
 * the digest. On return the partial is complete, right and on disk; the caller renames it into place. A partial
 * with a wrong digest is deleted: after a resume the download starts again once, a fresh one fails.
 * @throws SourceFailure when the source cannot deliver these bytes; file system errors as they are.
 */
export async function download(session: Session, job: DownloadJob): Promise<void> {
  await mkdir(dirname(job.partial), { recursive: true });
  for (;;) {
    const file = await open(job.partial, constants.O_RDWR | constants.O_CREAT);
    const state: State = { file, hash: startDigest(job.digest, job.size), offset: 0, size: job.size };
    let resumed = false;
    let digest: string;
    try {
      await takeUp(state, job);
      resumed = state.offset > 0;
      await receiveAll(session, job, state);
      await file.sync();
      digest = state.hash.digest('hex');
    } finally {
      await file.close();
    }
    if (digest === job.digest.hex) return;
    await rm(job.partial, { force: true });
    job.onBytes?.(-state.offset);
    const host = new URL(job.url).host;
    if (!resumed) {
      throw new SourceFailure(
        `the download from ${host} has the wrong hash (${digest}, expected ${job.digest.hex}) and was deleted`,
      );
    }
    session.notice(
      `The resumed download from ${host} had the wrong hash and was deleted; starting it again.`,
    );
  }
}

interface State {
  file: FileHandle;
  hash: Hash;
  /** Bytes on disk and in the hash. */
  offset: number;
  size: number | undefined;
}

/** Takes up what is already on disk. */
async function takeUp(state: State, job: DownloadJob): Promise<void> {
  const { size: existing } = await state.file.stat();
  if (existing === 0) return;
  if (job.size !== undefined && existing > job.size) {
    await state.file.truncate(0);
    return;
  }
  const buffer = Buffer.allocUnsafe(1 << 20);
  while (state.offset < existing) {
    const { bytesRead } = await state.file.read(buffer, 0, buffer.length, state.offset);
    if (bytesRead === 0) break;
    state.hash.update(buffer.subarray(0, bytesRead));
    state.offset += bytesRead;
    job.onBytes?.(bytesRead);
  }
}

async function receiveAll(session: Session, job: DownloadJob, state: State): Promise<void> {
  const host = new URL(job.url).host;
  let failures = 0;
  let reached = false;
  while (state.size === undefined || state.offset < state.size) {
    const before = state.offset;
    try {
      const response = await requestOnce(session, job.url, {
        headers: {
          ...job.headers,
          'accept-encoding': 'identity',
          ...(state.offset > 0 ? { range: `bytes=${state.offset}-` } : {}),
        },
      });
      reached = true;
      await receive(session, job, state, response, host);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      if (error.details.status === 416 && state.size === undefined) {
        // Nothing is left to send: the partial is as long as the file, and the digest decides about it.
        state.size = state.offset;
        return;
      }
      failures = state.offset > before ? 1 : failures + 1;
      // A network that worked a moment ago may come back, whatever it says now.
      const retry = error.details.retry || (reached && error.details.networkLost);
      if (!retry || failures >= session.http.times.attempts) throw error;
      await backOff(session, failures, error);
    }
  }
}

/** Appends one response's body. A server that ignores the Range sends all: the known part is skipped. */
async function receive(
  session: Session,
  job: DownloadJob,
  state: State,
  response: Response,
  host: string,
): Promise<void> {
  const partly = response.status === 206;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  if (partly && Number(range?.[1]) !== state.offset) {
    await response.body?.cancel().catch(() => undefined);
    throw new HttpFailure(host, 'answered with another part of the file', { retry: false });
  }
  const announced = partly ? range?.[2] : response.headers.get('content-length');
  if (state.size === undefined && announced !== null && announced !== undefined) {
    state.size = Number(announced);
  }
  const { maxSize = Number.MAX_SAFE_INTEGER } = job;
  const tooLong = () => new HttpFailure(host, 'sends more bytes than the file has', { retry: false });
  if (state.size !== undefined) {
    if (!(state.size <= maxSize)) {
      await response.body?.cancel().catch(() => undefined);
      throw tooLong();
    }
    job.onSize?.(state.size);
    await ensureSpace(dirname(job.partial), state.size - state.offset, host);
  }
  let skip = partly ? 0 : state.offset;
  const reader = response.body?.getReader();
  for (;;) {
    const chunk = await reader?.read().catch((error: unknown) => {
      session.signal?.throwIfAborted();
      throw networkFailure(host, error);
    });
    if (chunk === undefined || chunk.done) break;
    const bytes = (chunk.value as Uint8Array).subarray(skip);
    skip -= (chunk.value as Uint8Array).length - bytes.length;
    if (bytes.length === 0) continue;
    if (state.offset + bytes.length > (state.size ?? maxSize)) {
      await reader?.cancel().catch(() => undefined);
      throw tooLong();
    }
    await writeAll(state, bytes);
    state.hash.update(bytes);
    state.offset += bytes.length;
    job.onBytes?.(bytes.length);
  }
  if (state.size === undefined) state.size = state.offset;
  if (state.offset < state.size) throw new HttpFailure(host, 'cut the connection', { retry: true });
}

async function writeAll(state: State, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await state.file.write(
      bytes,
      written,
      bytes.length - written,
      state.offset + written,
    );
    written += bytesWritten;
  }
}
