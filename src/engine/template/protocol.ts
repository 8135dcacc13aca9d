import type { RenderRequest } from './conversation.js';

/** What the parent sends: conversations that are rendered in order. */
export interface RenderTask {
  requests: RenderRequest[];
  /** Longest time that parsing and rendering of one may take. */
  limitMs: number;
}

export type RenderResult = { text: string } | { error: string };

/** What the child answers: the next results of its task, in order. */
export interface RenderReply {
  results: RenderResult[];
}
