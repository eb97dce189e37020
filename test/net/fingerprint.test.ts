import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../src/net/fingerprint.ts';
import { readFingerprint } from '../../src/net/fingerprint-text.ts';

describe('fingerprintOf', () => {
  it('is that of the key: openssl computes the same, and a renewed certificate keeps it', async () => {
    const first = await generate([{ name: 'commonName', value: 'a' }], { keyType: 'ec', curve: 'P-256' });
    const keyPair = { privateKey: first.private, publicKey: first.public };
    const renewed = await generate([{ name: 'commonName', value: 'b' }], { keyType: 'ec', curve: 'P-256', keyPair });
    const fingerprint = fingerprintOf(new X509Certificate(first.cert));
    expect(fingerprintOf(new X509Certificate(renewed.cert))).toBe(fingerprint);
    const digest = 'openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64';
    const text = execFileSync('sh', ['-c', digest], { input: first.public, encoding: 'utf8' });
    expect(readFingerprint(`sha256:${text.trim()}`)).toBe(fingerprint);
  });
});
