export { openEndpoint } from './client.js';
export { EndpointError, type EndpointFailure } from './failure.js';
export type * from './types.js';
