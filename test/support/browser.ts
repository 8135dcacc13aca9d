import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why tests in a browser are left out; false where there is one. */
export const noBrowser = existsSync(executablePath)
  ? false
  : `no browser at ${executablePath}; install Chromium or set CHROMIUM to look at pages in one`;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
