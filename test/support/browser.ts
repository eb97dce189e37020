/** A real browser, where Debian's is installed: CI requires it, elsewhere its tests are skipped. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { aroundEachFile } from './each-file.ts';

const EXECUTABLE = '/usr/bin/chromium';

/** Whether tests of the page must be skipped: there is no Chromium, and nobody requires it. */
export const NO_BROWSER = !existsSync(EXECUTABLE) && process.env['CHATOSBOT_REQUIRE_BROWSER'] === undefined;
if (NO_BROWSER) process.stderr.write(`skipped: there is no ${EXECUTABLE} (apt-get install chromium)\n`);

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser: Promise<Browser> | undefined;
aroundEachFile({
  async end() {
    const open = browser;
    browser = undefined;
    await (await open)?.close();
  },
});

export interface OpenPage {
  readonly page: Page;
  /** What the page asked for. */
  readonly requests: string[];
  /** What went wrong in it: errors of its script, and what its policy did not let in. */
  readonly problems: string[];
}

/** Opens a page, in a profile of its own. */
export async function openPage(url: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<OpenPage> {
  browser ??= chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
  const page = await (await browser).newPage(options);
  onTestFinished(() => page.close());
  const requests: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(url);
  return { page, requests, problems };
}

/** Waits until an element has this text, or one that matches. */
export async function untilText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await expect.poll(() => page.locator(selector).textContent(), { timeout: 30_000 }).toMatch(text);
}
