import { expect, it } from 'vitest';
import { failureKind, peerFailure } from '../../../src/transfer/files/failures.ts';
import { ChatosError } from '../../../src/errors.ts';

it.each([
  ['CHANNEL_ABORTED', 'ann gave up: it was interrupted; run both sides again to go on where it stopped'],
  ['REQUEST_REFUSED', 'ann refused: it was interrupted'],
  ['DATA_INCOMPLETE', 'ann gave up: it was interrupted'],
] as const)('a failure of the peer that is %s says what to do where that helps', (code, message) => {
  const kind = failureKind(new ChatosError(code, 'as it is'));
  expect(peerFailure('ann', kind, 'it was interrupted')).toMatchObject({ code, message });
});
