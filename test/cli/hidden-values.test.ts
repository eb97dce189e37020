import { Command, type Option } from 'commander';
import { expect, it } from 'vitest';
import { withoutCredentials } from '../../src/cli/hidden-values.ts';
import { clusterOptions, serverOption } from '../../src/cli/options.ts';

/** What a command line with an invalid value is answered. */
function messageOf(option: Option, value: string): string {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  return answerTo(command.addOption(option), option.long!, value);
}

function answerTo(command: Command, ...words: string[]): string {
  try {
    command.parse(words, { from: 'user' });
  } catch (error) {
    return withoutCredentials((error as Error).message);
  }
  return 'valid';
}

const cluster = (): Option => clusterOptions().find(({ long }) => long === '--cluster')!;

it.each([
  [cluster(), 'tls://chatos:pa#ss:s3cr3t@nats.example.org:x', "argument 'tls://…@nats.example.org:x' is invalid"],
  [cluster(), 'nats://a,nats://chatos:pa/s3cr3t\n@b', "'nats://…@b' is not the address of a NATS server"],
  [serverOption(), 'tls://s3cr3t@host:99999', "argument 'tls://…@host:99999' is invalid"],
])('what may be a credential in an invalid value is not shown', (option, value, expected) => {
  const message = messageOf(option, value);
  expect(message).toContain(expected);
  expect(message).not.toMatch(/s3cr3t|chatos:/);
});

it('the value of an option for a secret is not shown, nor one of the environment', () => {
  expect(
    withoutCredentials("error: option '--code <code>' argument '7-otter' is invalid. '7-otter' has one word"),
  ).toBe("error: option '--code <code>' argument '…' is invalid. '…' has one word");
  const ofEnv =
    "option '--cluster <servers>' value 'nats://u:p@h?' from env 'CHATOSBOT_CLUSTER' is invalid. It is none";
  expect(withoutCredentials(ofEnv)).toBe(ofEnv.replace('u:p', '…'));
});

it('the value of an option is not shown whose name is wrong', () => {
  const command = new Command()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addOption(cluster());
  expect(answerTo(command, "--clustr=nats://u:s3cr3t'@h")).toMatch(/^error: unknown option '--clustr=…'(\n|$)/);
});

it('all else is shown as it is', () => {
  for (const message of ["option '--peer <address>' argument '27990' is invalid. why", "unknown option '--a@b'"]) {
    expect(withoutCredentials(message)).toBe(message);
  }
});
