import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readPem } from '../../src/net/pem.ts';

const read = (file: string): Promise<string> => readPem(file, (why) => new Error(why));

function fileOf(text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-pem-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'file.pem'), text);
  return path.join(folder, 'file.pem');
}

describe('a file in PEM form', () => {
  it('is read as it is', async () => {
    expect(await read(fileOf('größe\r\n'))).toBe('größe\r\n');
    expect(await read(fileOf(''))).toBe('');
  });

  it('has a bound, be it a file without an end', async () => {
    await expect(read(fileOf('x'.repeat(4 * 1024 * 1024)))).resolves.toHaveLength(4 * 1024 * 1024);
    await expect(read(fileOf('x'.repeat(4 * 1024 * 1024 + 1)))).rejects.toThrow('is too large');
    const before = process.memoryUsage().rss;
    await expect(read('/dev/zero')).rejects.toThrow('is too large');
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
  });

  it('that cannot be read says why', async () => {
    await expect(read('/nonexistent/file.pem')).rejects.toThrow('does not exist');
    await expect(read(tmpdir())).rejects.toThrow('is a directory');
  });
});
