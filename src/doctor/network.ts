import { closeHttp, HttpFailure, openHttp, requestOnce } from '../models/http.js';
import { hubEndpoint, hubOffline, packageIndex } from '../models/places.js';
import type { AddressFacts } from './schema.js';

const TIMES = { connectMs: 3000, answerMs: 3000 };

/** Whether the hub and the package index, which has the aliases' files too, answer. Any status counts as an answer. */
export async function describeNetwork(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<AddressFacts[]> {
  const http = openHttp(env, TIMES);
  const ask = async (name: AddressFacts['name'], address: string): Promise<AddressFacts> => {
    if (!URL.canParse(address)) return { name, host: '', reachable: false, detail: 'the address is no URL' };
    const { host } = new URL(address);
    if (hubOffline(env)) return { name, host, reachable: null, detail: 'not asked: HF_HUB_OFFLINE is set' };
    try {
      await requestOnce({ http, signal }, address, { method: 'HEAD' });
      return { name, host, reachable: true, detail: 'answers' };
    } catch (error) {
      signal?.throwIfAborted();
      const failure = error instanceof HttpFailure ? error : undefined;
      const status = failure?.details.status;
      const detail =
        status === undefined ? (failure?.reason ?? String(error)) : `answers with status ${status}`;
      return { name, host, reachable: status !== undefined, detail };
    }
  };
  try {
    return await Promise.all([ask('hub', hubEndpoint(env)), ask('package index', simpleIndex(env))]);
  } finally {
    await closeHttp(http);
  }
}

function simpleIndex(env: NodeJS.ProcessEnv): string {
  try {
    return packageIndex(env).simple;
  } catch {
    // Named, but no URL.
    return '';
  }
}
