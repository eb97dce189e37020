import { ChatosError } from '../../errors.ts';
import { inNumber } from '../../util/printable.ts';

/** In the same words on both sides. */
export function wrongSecret(peer: string, cause?: unknown): ChatosError {
  return refused(peer, `wrong secret: ${peer} has another one, or what it sent was changed on the way`, cause);
}

/** In the same words on both sides. The code is used up. */
export function wrongCode(peer: string, cause?: unknown): ChatosError {
  const message = `wrong code: ${peer} has another one, or what it sent was changed on the way; this one is used up, and another one has to be made`;
  return refused(peer, message, cause, true);
}

/** A guess has come for it before, or was made of it. */
export function usedCode(peer: string): ChatosError {
  const message = `wrong code: it was used before, and is good for one private connection only; another one has to be made`;
  return new ChatosError('WRONG_SECRET', message, { fields: { peer, codeUsed: true, usedBefore: true } });
}

/** The peer does not do as we do. */
export function unlike(peer: string, what: string, cause?: unknown): ChatosError {
  return refused(peer, `${peer} ${what}`, cause);
}

/** The peer has a secret where we have a code, or a code where we have a secret. */
export function unlikeKind(peer: string, peerUses: 'key' | 'code'): ChatosError {
  const [theirs, ours] =
    peerUses === 'code' ? ['a code', 'a secret'] : ['a secret (or what an earlier code has led to)', 'a code'];
  const message = `${peer} uses ${theirs}, and we ${ours}: use the same on both sides`;
  return new ChatosError('WRONG_SECRET', message, { fields: { peer, codeUsed: false, peerUses } });
}

/** What was lost when a code was used up by it already. */
export function withCodeUsed(error: ChatosError): ChatosError {
  const message = `${error.message}; a guess was made at the code, which is used up: another one has to be made`;
  return new ChatosError(error.code, message, { cause: error, fields: { ...error.fields, codeUsed: true } });
}

/** The peer does, and we do not. */
export function encrypts(peer: string): ChatosError {
  return unlike(peer, 'encrypts: use the same secret or code here too (--secret, --code)');
}

function refused(peer: string, message: string, cause: unknown, codeUsed = false): ChatosError {
  return new ChatosError('WRONG_SECRET', message, { cause, fields: { peer, codeUsed } });
}

/** What came is not what was sent. */
export function changed(peer: string, receivedBytes: number, cause?: unknown): ChatosError {
  const before = `${receivedBytes} ${inNumber(receivedBytes, 'byte{s} had')} come unchanged`;
  const message = `what ${peer} sent was changed on the way: ${before}`;
  return new ChatosError('DATA_INCOMPLETE', message, { cause, fields: { peer, received: receivedBytes } });
}

/** The peer has seen that what we sent was changed. */
export function changedThere(peer: string, cause: unknown): ChatosError {
  const message = `${peer} broke the private connection: what we sent was changed on the way`;
  return new ChatosError('CHANNEL_ABORTED', message, { cause, fields: { peer } });
}

/** The private connection has come to an end that the peer did not make. */
export function cut(peer: string, receivedBytes: number): ChatosError {
  const message = `the private connection with ${peer} was cut at ${receivedBytes} ${inNumber(receivedBytes, 'byte{s}')}: this is not the end of what it sent`;
  return new ChatosError('DATA_INCOMPLETE', message, { fields: { peer, cutAt: receivedBytes } });
}

/** Whether the bytes that came are right, and only some are missing: another private connection may bring them. */
export function isCut(error: unknown): boolean {
  return error instanceof ChatosError && error.code === 'DATA_INCOMPLETE' && error.fields['cutAt'] !== undefined;
}

export function aborted(peer: string, cause?: unknown): ChatosError {
  const message = `the private connection with ${peer} broke`;
  return new ChatosError('CHANNEL_ABORTED', message, { cause, fields: { peer } });
}

export function closed(peer: string): ChatosError {
  return new ChatosError('CHANNEL_CLOSED', `${peer} closed the private connection`, { fields: { peer } });
}
