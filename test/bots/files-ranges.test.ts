import { describe, expect, it } from 'vitest';
import { serveFiles } from './serving.ts';

const DIGITS = '0123456789';

async function open(files: Record<string, string> = { 'd.txt': DIGITS, 'empty.txt': '' }) {
  return (await (await serveFiles(files)).open()).http;
}

describe('the files bot, ranges', () => {
  it.each([
    ['bytes=0-3', '0123', '0-3'],
    ['bytes=0-0', '0', '0-0'],
    ['bytes=4-6', '456', '4-6'],
    ['bytes=9-9', '9', '9-9'],
    ['bytes=7-', '789', '7-9'],
    ['bytes=0-', DIGITS, '0-9'],
    ['bytes=5-99', '56789', '5-9'],
    ['bytes=0-99999999999999999999999', DIGITS, '0-9'],
    ['bytes=-3', '789', '7-9'],
    ['bytes=-10', DIGITS, '0-9'],
    ['bytes=-99', DIGITS, '0-9'],
  ])('answers %s with that part', async (range, text, contentRange) => {
    const http = await open();
    const { status, headers, body } = await http.get('/d.txt', [`Range: ${range}`]);
    expect({ status, body: body.toString() }).toEqual({ status: 206, body: text });
    expect(headers).toMatchObject({
      'content-range': `bytes ${contentRange}/10`,
      'content-length': String(text.length),
    });
  });

  it.each(['bytes=10-', 'bytes=10-12', 'bytes=99999999999999999999999-', 'bytes=-0'])(
    'answers %s with 416 and the size',
    async (range) => {
      const http = await open();
      const { status, headers } = await http.get('/d.txt', [`Range: ${range}`]);
      expect({ status, range: headers['content-range'] }).toEqual({ status: 416, range: 'bytes */10' });
      expect((await http.get('/d.txt')).body.toString()).toBe(DIGITS);
    },
  );

  it.each([
    'bytes=0-1,3-4',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=3-1',
    'lines=0-1',
    'bytes 0-1',
    'bytes=0-1x',
    'bytes=--1',
    'bytes=0x0-1',
  ])('ignores %s, a form that it does not know', async (range) => {
    const http = await open();
    const { status, headers, body } = await http.get('/d.txt', [`Range: ${range}`]);
    expect({ status, body: body.toString() }).toEqual({ status: 200, body: DIGITS });
    expect(headers).not.toHaveProperty('content-range');
  });

  it('has no part of an empty file to give', async () => {
    const http = await open();
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      expect({ range, ...(await http.get('/empty.txt', [`Range: ${range}`])) }).toMatchObject({
        range,
        status: 416,
        headers: { 'content-range': 'bytes */0' },
      });
    }
  });

  it('[RFC 9110 14.2] ignores ranges for HEAD', async () => {
    const http = await open();
    http.ask('/d.txt', ['Range: bytes=0-3'], 'HEAD');
    expect(await http.read({ head: true })).toMatchObject({ status: 200, headers: { 'content-length': '10' } });
  });

  it('[RFC 9110 13.1.5] gives the whole file where it is not the one that If-Range means', async () => {
    const http = await open();
    const { headers } = await http.get('/d.txt');
    const part = await http.get('/d.txt', ['Range: bytes=2-3', `If-Range: ${headers['last-modified']}`]);
    expect([200, 206]).toContain(part.status);
    for (const other of ['Thu, 01 Jan 1970 00:00:00 GMT', '"some-etag"']) {
      const whole = await http.get('/d.txt', ['Range: bytes=2-3', `If-Range: ${other}`]);
      expect({ other, status: whole.status, body: whole.body.toString() }).toEqual({
        other,
        status: 200,
        body: DIGITS,
      });
    }
  });
});
