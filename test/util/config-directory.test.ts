import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { cacheDirectory } from '../../src/util/cache-directory.ts';
import { configDirectory } from '../../src/util/config-directory.ts';
import { userStateDirectory } from '../../src/util/user-state-directory.ts';

afterEach(() => vi.unstubAllEnvs());

test.each([
  ['linux', {}, path.join(homedir(), '.config/chatosbot')],
  ['linux', { XDG_CONFIG_HOME: '/etc/ann' }, '/etc/ann/chatosbot'],
  ['linux', { XDG_CONFIG_HOME: 'relative' }, path.join(homedir(), '.config/chatosbot')],
  ['darwin', {}, path.join(homedir(), 'Library/Application Support/chatosbot')],
  ['win32', { APPDATA: '/C/ann' }, '/C/ann/chatosbot'],
] as const)('on %s with %j, settings are in %s', (platform, environment, folder) => {
  vi.stubEnv('XDG_CONFIG_HOME', '').stubEnv('APPDATA', '');
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  expect(configDirectory(platform)).toBe(folder);
});

test.each(['', 'relative'])('a HOME of %j is not one: nothing of the user is kept in the working directory', (home) => {
  vi.stubEnv('HOME', home).stubEnv('XDG_CONFIG_HOME', '').stubEnv('XDG_STATE_HOME', '').stubEnv('XDG_CACHE_HOME', '');
  const folders = [configDirectory('linux'), userStateDirectory(), cacheDirectory()];
  const usual = ['.config', '.local/state', '.cache'].map((each) => path.join(userInfo().homedir, each, 'chatosbot'));
  expect(folders).toEqual(usual);
});
