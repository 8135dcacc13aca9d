import type { RenderRequest } from './conversation.js';

/** What the parent sends, one at a time. */
export interface RenderTask {
  request: RenderRequest;
  /** Longest time that parsing and rendering may take. */
  limitMs: number;
}

export type RenderReply = { text: string } | { error: string };
