import { expect, test } from 'vitest';
import { storeFailure } from '../../../src/bot/store/failure.ts';

/** As the library reports it. */
const ioError = (why: string): Error =>
  Object.assign(new Error(`IO error: /state/stores/a@a/000067.ldb: ${why}`), { code: 'LEVEL_IO_ERROR' });

test.each(['Too many open files', 'Too many open files in system', 'Cannot allocate memory'])(
  'a store that cannot be read for %s is not damaged: a repair would not help',
  (why) => {
    expect(storeFailure('/state/stores/a@a', 'read', ioError(why))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: `the store in /state/stores/a@a cannot be read: IO error: /state/stores/a@a/000067.ldb: ${why}`,
    });
  },
);

test('a store whose disk cannot read it is damaged', () => {
  expect(storeFailure('/state/stores/a@a', 'read', ioError('Input/output error'))).toMatchObject({
    code: 'STORE_DAMAGED',
  });
});
