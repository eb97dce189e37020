import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { expect, it } from 'vitest';
import { startEndpoint } from '../support/status-endpoint.ts';

/** A module of the page, which the compiler does not know. */
const FORMAT = new URL('../../src/ops/page/format.js', import.meta.url).href;
const { amount, grouped, span, visible } = (await import(FORMAT)) as {
  amount: (value: number, unit: string, per?: string) => [string, string];
  grouped: (value: number) => string;
  span: (ms: number) => string;
  visible: (text: string) => string;
};

const NOTHING = { status: { startedAt: new Date(), accounts: [] } };

async function loaded(): Promise<{ html: string; headers: Headers }> {
  const { get } = await startEndpoint(NOTHING);
  const response = await get('/');
  expect(response.status).toBe(200);
  return { html: await response.text(), headers: response.headers };
}

const contentOf = (html: string, tag: string): string => new RegExp(`<${tag}[^>]*>(.*)</${tag}>`, 's').exec(html)![1]!;

it('lets in its own style and script alone, and no page around it', async () => {
  const { html, headers } = await loaded();
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = headers.get('content-security-policy')!;
  for (const tag of ['script', 'style']) {
    const hash = createHash('sha256').update(contentOf(html, tag)).digest('base64');
    expect(policy).toContain(`${tag}-src 'sha256-${hash}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(headers.get('x-frame-options')).toBe('DENY');
});

it('is one document: it names nothing elsewhere', async () => {
  const { html } = await loaded();
  expect(html).not.toMatch(/(?:src|href)="(?!data:|\/(?:status|metrics|healthz|readyz)")/);
  expect(html.replaceAll("'http://www.w3.org/2000/svg'", '')).not.toMatch(/https?:\/\//);
  expect(html).not.toMatch(/@import|url\(/);
});

it('has one script, whose modules have no names in common, and which makes no markup of a text', async () => {
  const script = contentOf((await loaded()).html, 'script');
  expect(script).not.toMatch(/^\s*(?:import|export)\b/m);
  expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(/);
  expect(() => new Script(`(async () => {${script}})`)).not.toThrow();
});

it.each([
  [0, 'count', 'value', ['0', '']],
  [42, 'count', 'value', ['42', '']],
  [1_234_567, 'count', 'value', ['1\u202f234\u202f567', '']],
  [0.02, 'count', 'per second', ['<0.1', '/s']],
  [12.34, 'count', 'per second', ['12.3', '/s']],
  [99.96, 'count', 'per second', ['100', '/s']],
  [0, 'bytes', 'value', ['0', 'B']],
  [1023, 'bytes', 'value', ['1023', 'B']],
  [1024, 'bytes', 'value', ['1', 'KiB']],
  [1024 * 1023.99, 'bytes', 'value', ['1', 'MiB']],
  [1.5 * 2 ** 20, 'bytes', 'per second', ['1.5', 'MiB/s']],
  [0.0123, 'seconds', 'value', ['12.3', 'ms']],
  [2.5, 'seconds', 'value', ['2.5', 's']],
])('writes %d (%s, %s) as %j', (value, unit, per, written) => {
  expect(amount(value, unit, per)).toEqual(written);
});

it('groups digits, and writes lengths of time roughly', () => {
  expect([grouped(999), grouped(1000), grouped(1234567)]).toEqual(['999', '1\u202f000', '1\u202f234\u202f567']);
  expect([0, 59_999, 60_000, 3_600_000, 11_520_000, 187_200_000].map(span)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '3 h 12 min',
    '2 d 4 h',
  ]);
});

it('writes out what reorders text or cannot be seen, and leaves emoji alone', () => {
  expect(visible('a\u202eb\u001b[2J\u200bc\n')).toBe('a\\u{202e}b\\u{1b}[2J\\u{200b}c\\u{a}');
  expect(visible('👩\u200d💻 été')).toBe('👩\u200d💻 été');
});
