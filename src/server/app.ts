import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { chatRoute, completionRoute } from './answers-route.js';
import { asApiError } from './computing.js';
import { ApiError, CLIENT_GONE } from './errors.js';
import { isFromHere, requireHost, requireKey } from './guards.js';
import { infoRoutes } from './info-routes.js';
import { proxyRoute } from './proxy-route.js';
import { scoreRoute } from './score-route.js';
import type { ServerContext } from './types.js';
import type { WebFile } from './web-files.js';

/** The page loads its own files and nothing else. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
  "connect-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** A report is one file: what is in it, and nothing from outside. */
const REPORT_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'self'";
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

export type App = Hono<{ Bindings: HttpBindings }>;

/**
 * The HTTP side: routes, and what stands before them.
 * @param files the web page
 * @param onBug hears of errors that are nobody's mistake but ours
 */
export function createApp(
  context: ServerContext,
  files: Map<string, WebFile>,
  onBug: (error: unknown) => void,
): App {
  const { settings, metrics, backend, scopes, model, served, upstream } = context;
  const app: App = new Hono();
  const routes = infoRoutes(context);

  app.use(async (c, next) => {
    await next();
    const status = c.error instanceof ApiError && c.error.status === CLIENT_GONE ? CLIENT_GONE : c.res.status;
    metrics.requests.inc({ route: routeOf(c.req.path, files), status: String(status) });
    if (!c.res.headers.has('content-security-policy')) c.header('Content-Security-Policy', API_POLICY);
    if (!c.res.headers.has('cache-control')) c.header('Cache-Control', 'no-store');
    if (scopes.draining) c.header('Connection', 'close');
  });
  app.use(
    secureHeaders({
      xFrameOptions: false,
      strictTransportSecurity: false,
      // Says nothing that an address without other pages would need, and browsers complain of it in the sandboxed report.
      originAgentCluster: false,
      crossOriginResourcePolicy: settings.cors ? 'cross-origin' : 'same-origin',
    }),
  );
  if (settings.hosts) app.use(requireHost(settings.hosts));
  if (settings.cors) {
    // Headers are those that the page asks for: OpenAI's client sends some of its own (X-Stainless-...).
    app.use(cors({ origin: settings.cors, allowMethods: ['GET', 'POST'], exposeHeaders: ['Retry-After'] }));
  }
  if (settings.apiKey !== undefined) {
    const key = requireKey(settings.apiKey);
    for (const path of ['/v1/*', '/api/*', '/metrics', '/report.html']) app.use(path, key);
  }

  app.get('/health', (c) => {
    const status = scopes.draining ? 'draining' : backend.ready ? 'ok' : 'restarting';
    return c.json({ status, model: model.name, detector: served !== undefined }, status === 'ok' ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType }),
  );
  app.get('/v1/models', async (c) => c.json(await routes.models()));
  app.get('/v1/models/:name{.+}', async (c) => c.json(await routes.model(c.req.param('name'))));
  app.post('/v1/chat/completions', (c) =>
    upstream ? proxyRoute(context, upstream, 'chat', c) : chatRoute(context, c),
  );
  app.post('/v1/completions', (c) =>
    upstream ? proxyRoute(context, upstream, 'text', c) : completionRoute(context, c),
  );
  app.post('/v1/score', (c) => scoreRoute(context, c));
  app.get('/api/info', (c) => c.json(routes.info(isFromHere(c))));
  app.get('/api/neurons/:layer/:index', async (c) =>
    c.json(await routes.neuron(c.req.param('layer'), c.req.param('index'))),
  );
  app.get('/api/run', async (c) => c.body(await routes.run(), 200, { 'Content-Type': 'application/json' }));
  app.get('/report.html', async (c) =>
    c.body(await routes.report(), 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': REPORT_POLICY,
    }),
  );
  app.get('*', (c, next) => {
    const file = files.get(c.req.path);
    if (!file) return next();
    const zipped = file.gzip && /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
    return c.body(zipped ? file.gzip! : file.bytes, 200, {
      'Content-Type': file.type,
      'Content-Security-Policy': PAGE_POLICY,
      'Cache-Control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      Vary: 'Accept-Encoding',
      ...(zipped && { 'Content-Encoding': 'gzip' }),
    });
  });
  app.notFound((c) => {
    const { method, path } = c.req;
    const route = routeOf(path, files);
    const allowed = POSTED.has(route) ? ['POST'] : ['GET', 'HEAD'];
    if (route === 'other' || allowed.includes(method)) {
      throw new ApiError(404, `there is nothing at ${path.slice(0, 200)}`, { code: 'not_found' });
    }
    c.header('Allow', allowed.join(', '));
    throw new ApiError(405, `this is asked with ${allowed[0]}`, { code: 'method_not_allowed' });
  });
  app.onError((error, c) => {
    const told = asApiError(error);
    if (told !== error || told.cause) onBug(told.cause);
    if (told.retryAfter !== undefined) c.header('Retry-After', String(told.retryAfter));
    return c.json(told.body(), told.status as 400);
  });
  return app;
}

/** Routes that are asked with POST; the others with GET. */
const POSTED = new Set(['/v1/chat/completions', '/v1/completions', '/v1/score']);

/** A name for the metrics: one of a few, whatever is asked for. */
function routeOf(path: string, files: Map<string, WebFile>): string {
  if (
    /^\/(health|metrics|report\.html|api\/(info|run)|v1\/(models|score|completions|chat\/completions))$/.test(
      path,
    )
  ) {
    return path;
  }
  for (const route of ['/api/neurons', '/v1/models']) if (path.startsWith(`${route}/`)) return route;
  return files.has(path) ? 'page' : 'other';
}
