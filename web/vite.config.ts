import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** A running `hneurons serve`, for `npx vite web`: the page is then rebuilt as it is edited. */
const server = process.env.HNEURONS_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page also works below a path of a reverse proxy.
  base: './',
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    // A slow machine is no news.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/api', '/health', '/report.html'].map((path) => [path, server])),
  },
});
