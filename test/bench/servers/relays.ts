import { RfcPeer } from '../../support/rfc-peer.ts';
import type { KeyPair } from '../../../src/net/tls-server.ts';
import type { End } from '../load/ends.ts';
import { freePort, isInstalled, start, startChatos, type Running } from './processes.ts';

/** Something that joins pairs of connections. */
export interface Relay extends Running {
  /** So many connections through it, each by its two ends: what the first reads, the second sends. */
  pairs(count: number): Promise<[End, End][]>;
}

const SUITES = ['bind', 'server'];

/** Channels that one pair of sessions negotiates: the server allows 64. */
const CHANNELS_A_PAIR = 32;

/** The relays that are compared, as far as they are installed. */
export function presentRelays(): { name: string; startRelay: () => Promise<Relay> }[] {
  return [
    { name: 'chatosbot', startRelay: () => startChatosRelay() },
    ...(isInstalled('haproxy') ? [{ name: 'haproxy (splice)', startRelay: startHaproxyRelay }] : []),
  ];
}

/** Those that take TLS from both sides, with the same cipher. */
export async function tlsRelays(): Promise<{ name: string; startRelay: () => Promise<Relay> }[]> {
  const { makeSelfSigned } = await import('../../../src/net/self-signed.ts');
  const pair = await makeSelfSigned('bench', 'server');
  return [
    { name: 'chatosbot, TLS', startRelay: () => startChatosRelay(undefined, true) },
    ...(isInstalled('haproxy') ? [{ name: 'haproxy, TLS', startRelay: () => startHaproxyRelay(pair) }] : []),
    { name: 'chatosbot, plain', startRelay: () => startChatosRelay() },
  ];
}

export async function startChatosRelay(limits?: object, secured = false, workers = 1): Promise<Relay> {
  const server = await startChatos(limits, workers);
  const peers: RfcPeer[] = [];
  const newPeer = async (): Promise<RfcPeer> => {
    const peer = await RfcPeer.connect(server.port);
    await peer.login(`peer ${peers.push(peer)}`);
    return peer;
  };
  const pairs = async (count: number): Promise<[End, End][]> => {
    const agreed: [End, End][] = [];
    while (agreed.length < count) {
      const [x, y] = [await newPeer(), await newPeer()];
      for (let n = 0; n < CHANNELS_A_PAIR && agreed.length < count; n++) {
        x.request(y.name);
        await y.next(5);
        y.ok(x.name);
        const connectId = String((await x.next(8)).connectId);
        const end: End = secured ? { port: server.tlsPort, connectId, tls: true } : { port: server.port, connectId };
        agreed.push([end, end]);
      }
    }
    return agreed;
  };
  const stop = async (): Promise<void> => {
    for (const peer of peers) peer.destroy();
    await server.stop();
  };
  return { ...server, pairs, stop };
}

/** Each call of `pairs`, of which there may be two, has a port of its own. */
async function startHaproxyRelay(pair?: KeyPair): Promise<Relay> {
  const { routes, ...proxy } = await startHaproxy(2, pair);
  const pairs = async (count: number): Promise<[End, End][]> => {
    const { front, back } = routes.shift()!;
    return Array.from({ length: count }, () => [
      { port: front, ...(pair && { tls: true }) },
      { port: back, listens: true, ...(pair && { tls: pair }) },
    ]);
  };
  return { ...proxy, pairs };
}

/** HAProxy in front of some ports that are free, in one thread, with splice; or with TLS on both sides. */
export async function startHaproxy(
  count: number,
  pair?: KeyPair,
): Promise<Running & { routes: { front: number; back: number }[] }> {
  const routes: { front: number; back: number }[] = [];
  for (let n = 0; n < count; n++) routes.push({ front: await freePort(), back: await freePort() });
  // A port with nothing behind it: whether it has started can be asked without a connection that goes through.
  const ready = await freePort();
  const config = [
    'global\n  maxconn 4000\n  nbthread 1',
    ...(pair ? SUITES.map((of) => `  ssl-default-${of}-ciphersuites TLS_AES_128_GCM_SHA256`) : []),
    'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n  option splice-auto',
    `listen ready\n  bind 127.0.0.1:${ready}`,
    ...routes.map(
      ({ front, back }, n) =>
        `listen r${n}\n  bind 127.0.0.1:${front}${pair ? ' ssl crt pair.pem' : ''}\n` +
        `  server s 127.0.0.1:${back}${pair ? ' ssl verify none' : ''}`,
    ),
    '',
  ].join('\n');
  const proxy = await start('haproxy', ['-f', 'haproxy.cfg', '-db'], ready, {
    'haproxy.cfg': config,
    ...(pair && { 'pair.pem': pair.cert + pair.key }),
  });
  return { ...proxy, routes };
}
