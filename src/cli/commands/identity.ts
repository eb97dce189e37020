import { X509Certificate } from 'node:crypto';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { ChatosError } from '../../errors.ts';
import type { Identity } from '../../net/identity.ts';
import { toJsonLine } from '../../util/escape.ts';
import { exists, identityFiles, ownIdentityFile, readIdentity } from '../connecting/identity.ts';
import { makeIdentity } from '../connecting/new-identity.ts';
import { configOption, identityOption } from '../options.ts';
import { notice, writeLine } from '../terminal/output.ts';

interface IdentityFlags {
  readonly identity?: readonly string[];
  readonly certificate?: boolean;
  readonly json?: boolean;
  readonly config?: string;
}

export function register(command: Command): void {
  command
    .addOption(
      identityOption('the file (default: identity.pem in your configuration folder); repeatable, for two files'),
    )
    .option('--certificate', 'print the certificate, which has nothing secret, instead of the fingerprint')
    .option('--json', 'print a line of JSON: fingerprint, name, files, made')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot identity
  $ chatosbot identity --identity bots.pem
  $ chatosbot identity --certificate > ann.pem     # for the operator of a server

The fingerprint is what the operator of a server needs to reserve a login for you. The first time, it makes a key pair and
a certificate. Keep the file secret: anyone who has it can log in as you. Commands show it to every tls:// server, unless
--no-identity is given.`,
    )
    .action(identity);
}

async function identity({ identity: flag, certificate, json, config }: IdentityFlags): Promise<void> {
  const loaded = await loadConfig({ file: config });
  const files = identityFiles(flag, loaded) || [ownIdentityFile()];
  const isMissing = files.length === 1 && !(await exists(files[0]!));
  const made = isMissing && (await makeIdentity(files[0]!));
  const found = await readIdentity(files);
  if (!found) throw new ChatosError('INVALID_ARGUMENT', `${files[0]!} was removed while it was being made`);
  const where = files.join(' and ');
  notice(
    made ? `made a key in ${where}: keep it secret: anyone who has it can log in as you` : `the key is in ${where}`,
  );
  if (certificate) return writeLine(ownCertificate(found));
  if (!json) return writeLine(found.fingerprint);
  const name = new X509Certificate(found.cert).toLegacyObject().subject.CN;
  await writeLine(toJsonLine({ type: 'identity', fingerprint: found.fingerprint, name, files, made }));
}

function ownCertificate({ cert }: Identity): string {
  return cert.trim();
}
