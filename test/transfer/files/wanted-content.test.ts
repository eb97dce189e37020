import { expect, test } from 'vitest';
import type { Arrival } from '../../../src/transfer/files/folder-stack.ts';
import type { PartFile } from '../../../src/transfer/files/part-file.ts';
import { Progress } from '../../../src/transfer/files/report.ts';
import { TargetFolder } from '../../../src/transfer/files/target-folder.ts';
import { WantedContent } from '../../../src/transfer/files/wanted-content.ts';

/** A file of which each write fails so. */
function failing(code: string) {
  const content = new WantedContent(new Progress());
  const arrival = { index: 0, entry: { path: 'large', size: 2 }, folder: new TargetFolder([]), name: 'large' };
  const write = (): void => {
    throw Object.assign(new Error('write'), { code, syscall: 'write' });
  };
  const part: Partial<PartFile> = { hasBegun: true, write, close: () => undefined };
  content.add(arrival as Arrival, 0, part as PartFile);
  return { content, arrival };
}

test('a file that is too large for the disk fails alone, and what still comes of it is dropped', () => {
  const { content, arrival } = failing('EFBIG');
  expect(content.take('data', Buffer.from('x'))).toBeUndefined();
  expect(content.take('data', Buffer.from('y'))).toBeUndefined();
  const reason = 'the file is too large for the disk or the limits of this user';
  expect(content.take('file-end', Buffer.alloc(32))).toEqual({ what: 'failed', arrival, reason, sent: true });
  expect(content.length).toBe(0);
});

test('a disk that is full fails all', () => {
  const { content } = failing('ENOSPC');
  expect(() => content.take('data', Buffer.from('x'))).toThrow('no space left on the device');
});
