export { convertToFloat32, openEngine } from './host/client.js';
export type * from './live/types.js';
export * from './text/prompt.js';
export type * from './types.js';
