import { expect, it } from 'vitest';
import {
  collisionKey,
  linkProblem,
  nameProblem,
  numberedName,
  partName,
  splitPath,
} from '../../../src/transfer/files/names.ts';

const isPath = (path: string): boolean => !('problem' in splitPath(path));
const bytesOf = (text: string): number => Buffer.byteLength(text);

it('a name has 255 bytes, a path 4,096 bytes and 128 names at most', () => {
  expect(nameProblem('x'.repeat(255))).toBeUndefined();
  expect(nameProblem(`${'x'.repeat(254)}é`)).toContain('is too long');
  const long = `${`${'x'.repeat(255)}/`.repeat(15)}${'x'.repeat(256)}`;
  expect(bytesOf(long)).toBe(4_096);
  expect(splitPath(long)).toMatchObject({ problem: expect.stringContaining('the name') as string });
  expect(splitPath(`${long}x`)).toMatchObject({ problem: expect.stringContaining('the path') as string });
  expect(isPath(long.replace(/x{256}$/, `${'x'.repeat(127)}/${'x'.repeat(128)}`))).toBe(true);
  expect(isPath(`d${'/d'.repeat(127)}`)).toBe(true);
  expect(isPath(`d${'/d'.repeat(128)}`)).toBe(false);
});

it('a link has a target of 4,096 bytes at most, and leads up to below the folder that was named', () => {
  expect(linkProblem('x'.repeat(4_096), 1)).toBeUndefined();
  expect(linkProblem('x'.repeat(4_097), 1)).toBe('it is too long');
  expect(linkProblem('../x', 2)).toBeUndefined();
  expect(linkProblem('../x', 1)).toContain('leads out');
  expect(linkProblem('..', 2)).toBeUndefined();
  expect(linkProblem('../..', 2)).toContain('leads out');
});

it('the name of a part, and one with a number, are cut only where they must be', () => {
  const most = 'x'.repeat(255 - '.chatosbot.part'.length);
  expect(partName(most)).toBe(`${most}.chatosbot.part`);
  expect(bytesOf(partName(`${most}x`))).toBe(255);
  expect(partName(`${most}x`)).toMatch(/^x+-[0-9a-f]{16}\.chatosbot\.part$/);
  expect(numberedName(`${'x'.repeat(249)}.txt`, 2)).toBe(`${'x'.repeat(249)}-2.txt`);
  expect(numberedName(`${'x'.repeat(250)}.txt`, 2)).toBe(`${'x'.repeat(249)}-2.txt`);
  expect(numberedName(`a.${'x'.repeat(16)}`, 2)).toBe(`a-2.${'x'.repeat(16)}`);
  expect(numberedName(`a.${'x'.repeat(17)}`, 2)).toBe(`a.${'x'.repeat(17)}-2`);
});

it('names are the same that differ in case or in the form of Unicode, letter by letter', () => {
  const pairs = ['Photo.JPG photo.jpg', 'É e\u0301', 'ς Σ'].map((pair) => pair.split(' ').map(collisionKey));
  for (const [one, other] of pairs) expect(one).toBe(other);
  expect(collisionKey('Maße')).not.toBe(collisionKey('MASSE'));
});
