import { describe, expect, onTestFinished, test } from 'vitest';
import { ChatosServer } from '../../src/server/server.ts';
import { ACCOUNT, JOB, PLUGIN } from '../support/bot-status.ts';
import { NO_BROWSER, openPage, untilText } from '../support/browser.ts';
import { joinAs } from '../support/bot-world.ts';
import { startEndpoint } from '../support/status-endpoint.ts';

const HOSTILE = [
  '<img src=x onerror=bad()>',
  '"><script>bad()</script>',
  '&lt;b&gt;',
  '\u202egnp.exe',
  'été-à-la-plage',
  '😀😃😄😁😆😅🤣',
];

async function startServer() {
  const server = new ChatosServer();
  onTestFinished(() => server.close());
  return { server, address: await server.listen('127.0.0.1:0') };
}

/** Bots whose names, problems and errors are what a stranger may choose. */
function hostileBots() {
  const accounts = HOSTILE.map((text) => ({
    ...ACCOUNT,
    login: text,
    state: 'connecting' as const,
    problem: `${text} is not reachable`,
    plugins: [
      {
        ...PLUGIN,
        name: text,
        errors: [{ at: new Date(), hook: 'onMessage' as const, peer: text, message: text.repeat(30) }],
        jobs: [{ ...JOB, name: text, next: new Date(Date.now() + 60_000) }],
      },
    ],
  }));
  return { status: { startedAt: new Date(), accounts } };
}

/** A server for whose clients, with such logins, something waits. */
function fullServer(server: ChatosServer) {
  const fullest = HOSTILE.map((login, index) => ({
    ...SESSION,
    login,
    queuedBytes: 2 ** (20 - 2 * index),
  }));
  return {
    addresses: server.addresses,
    stats: { ...server.stats, queuedBytes: 2 ** 21 },
    fullest: () => fullest,
    ...WELL,
  };
}

/** A server that works. */
const WELL = { isStopping: false, certificateExpiresAt: undefined, selfTest: () => Promise.resolve(undefined) };

const SESSION = {
  id: '1',
  longBytes: 4 as const,
  remoteAddress: '192.0.2.1',
  listener: '',
  connectedAt: new Date(),
  idleMs: 5_000,
  packets: 1,
  bytesReceived: 1,
  bytesSent: 1,
  encrypted: false,
  fingerprint: undefined,
};

describe.skipIf(NO_BROWSER)('the page, in a browser', () => {
  test('shows a server, asks for nothing elsewhere, and is let do all that it does', async () => {
    const { server, address } = await startServer();
    await joinAs(address, 'alice');
    await expect(joinAs(address, 'alice')).rejects.toThrow('refused');
    const { url } = await startEndpoint(undefined, { server });
    const { page, requests, problems } = await openPage(url);
    await untilText(page, '#state', /Ready/);
    await untilText(page, '#facts', new RegExp(`Listens on.*tcp://127\\.0\\.0\\.1:${address.port}`));
    await untilText(page, '[data-key=sessions] .now', /^1$/);
    await untilText(page, '#troubles', /logins? refused.*The log has the reason/);
    await untilText(page, '#fullest', /Nothing waits/);
    expect(await page.locator('#bots-section').isVisible()).toBe(false);
    expect(problems).toEqual([]);
    expect(requests.filter((each) => !each.startsWith(`${url}/`) && !each.startsWith('data:'))).toEqual([]);
  });

  test('shows bots, and what is wrong', async () => {
    const accounts = [{ ...ACCOUNT, state: 'connecting' as const, problem: 'no route', plugins: [PLUGIN] }];
    const { url } = await startEndpoint({ status: { startedAt: new Date(), accounts } });
    const { page } = await openPage(url);
    await untilText(page, '#state', /Not ready/);
    await untilText(page, '#problems', 'bot on tcp://127.0.0.1:1: connecting: no route');
    await untilText(page, '#bots', /bot! connecting.*no route/);
    expect(await page.locator('#server-sections').isVisible()).toBe(false);
  });

  test('makes markup of no text, shows what would reorder it, and fits a phone and a desk in light and dark', async () => {
    const { server } = await startServer();
    const { url } = await startEndpoint(hostileBots(), { server: fullServer(server) });
    const { page, problems } = await openPage(url);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [400, 1400]) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        // As it is loaded there.
        await page.reload();
        await untilText(page, '#fullest', /<img src=x onerror=bad\(\)>/);
        await untilText(page, '#fullest', '\\u{202e}gnp.exe');
        await untilText(page, '#bots', '"><script>bad()</script>');
        const found = await page.evaluate(`({
          elements: document.querySelectorAll('img, b, script:not([type=module])').length,
          tooWide: [...document.querySelectorAll('body *')].filter((each) =>
            each.getBoundingClientRect().right > innerWidth + 1).length,
          ground: getComputedStyle(document.body).backgroundColor,
        })`);
        const ground = colorScheme === 'light' ? 'rgb(245, 246, 248)' : 'rgb(15, 18, 22)';
        expect({ width, ...(found as object) }).toEqual({ width, elements: 0, tooWide: 0, ground });
        expect(problems).toEqual([]);
      }
    }
  });

  test('says that nobody answers, and comes back by itself', async () => {
    const { server } = await startServer();
    const first = await startEndpoint(undefined, { server });
    const { page } = await openPage(first.url);
    await untilText(page, '#state', /Ready/);
    await first.close();
    await untilText(page, '#state', /No answer\s+for \d+ s; retrying/);
    expect(await page.title()).toBe('✕ chatosbot');
    await startEndpoint(undefined, { server, address: { host: '127.0.0.1', port: first.port } });
    await untilText(page, '#state', /^\s*Ready\s*$/);
  });

  test('is read by the keyboard, and tells a screen reader each number', async () => {
    const { server } = await startServer();
    const { url } = await startEndpoint(undefined, { server });
    const { page } = await openPage(url, { reducedMotion: 'reduce' });
    const plot = page.locator('[data-key=sessions]');
    await expect.poll(() => plot.locator('.curve').getAttribute('d'), { timeout: 30_000 }).toMatch(/L/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Home');
    await untilText(page, '[data-key=sessions] .now', /ago/);
    const svg = plot.locator('svg');
    expect(await svg.getAttribute('aria-label')).toMatch(/^Sessions: 0, \d+ s ago; max 0 in ten minutes$/);
    await page.keyboard.press('Escape');
    await untilText(page, '[data-key=sessions] .now', /^0$/);
  });
});
