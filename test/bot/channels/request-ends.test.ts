import { expect, it, vi } from 'vitest';
import type { Admitted } from '../../../src/bot/channels/channel-ledger.ts';
import { OutgoingRequests } from '../../../src/bot/channels/outgoing-requests.ts';
import type { ChannelScope } from '../../../src/bot/channels/open-channels.ts';
import { PrivateRequests } from '../../../src/bot/channels/private-requests.ts';
import { Activity } from '../../../src/bot/running/activity.ts';
import type { PluginRunner } from '../../../src/bot/running/plugin-runner.ts';
import type { PrivateRequest } from '../../../src/client/private-request.ts';
import { ChatosError } from '../../../src/errors.ts';
import { DEFAULT_POLICY_LIMITS } from '../../../src/policy/limits.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { MemoryLog } from '../../support/bot-log.ts';

const START = '2026-03-03T09:00:00Z';
const account = { server: 'tcp://127.0.0.1:7777', login: 'bot' };

it('a request that is accepted while the bot stops is refused, and gives its place back', async () => {
  const admitted = withResolvers<Admitted>();
  const requests = new PrivateRequests({
    account,
    ledger: { admit: () => admitted.promise },
    observer: () => undefined,
    log: new MemoryLog(),
    clock: new FakeClock(START),
    activity: new Activity(),
  } as unknown as ChannelScope);
  const [release, accept, refuse] = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()];
  const request = { from: 'alice', accept, refuse } as unknown as PrivateRequest;
  const runner = { plugin: { name: 'bot' }, open: true, has: () => true } as unknown as PluginRunner;
  const handled = requests.handle(request, [runner]);
  requests.stop();
  const verdict = {
    decision: 'accept',
    rule: 'default',
    reason: '',
    limits: DEFAULT_POLICY_LIMITS,
  } as Admitted['verdict'];
  admitted.resolve({ verdict, rate: { requestsInLastMinute: 0, counted: true }, repeated: false, release });
  await handled;
  expect([release, accept, refuse].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1]);
});

it('a request of a bot leaves no timer behind when it is answered', async () => {
  const clock = new FakeClock(START);
  const refused = new ChatosError('REQUEST_REFUSED', 'alice refused');
  const client = { request: () => Promise.reject(refused) };
  const requests = new OutgoingRequests({
    account,
    client,
    clock,
    observer: () => undefined,
  } as unknown as ChannelScope);
  const { signal } = new AbortController();
  await expect(requests.make('alice', { signal }, 'bot')).rejects.toBe(refused);
  expect(clock.pending).toBe(0);
});
