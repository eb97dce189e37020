import mqtt from 'mqtt-packet';
import { packet, str } from '../../support/rfc-peer.ts';
import { freePort, isInstalled, start, startChatos, type Running } from './processes.ts';

/** How one kind of server is spoken to, where everybody gets what one says. */
export interface Dialect {
  readonly name: string;
  readonly command?: string;
  start(): Promise<Running>;
  /** Connections that may wait to be accepted; more would be opened again, a second and more later. */
  readonly backlog: number;
  hello(login: string): Buffer;
  /** Whether the answers to the hello are complete. */
  welcomed(received: Buffer): boolean;
  /** What is sent when all are there. */
  readonly join?: Buffer;
  message(login: string, text: string): Buffer;
  /** Whether the sender gets its own message. */
  readonly echoes: boolean;
}

const ROOM = 'room';

export const CHATOS: Dialect = {
  name: 'chatosbot',
  start: () => startChatos(),
  backlog: 200,
  hello: (login) => packet(0, str(login)),
  welcomed: (received) => received[0] === 1,
  message: (login, text) => packet(3, str(login), str(text)),
  echoes: true,
};

export const NATS: Dialect = {
  name: 'nats-server',
  command: 'nats-server',
  start: async () => {
    const port = await freePort();
    return start('nats-server', ['-a', '127.0.0.1', '-p', String(port)], port);
  },
  backlog: 200,
  hello: () => Buffer.from(`CONNECT {"verbose":false}\r\nSUB ${ROOM} 1\r\nPING\r\n`),
  welcomed: (received) => received.includes('PONG'),
  message: (_login, text) => Buffer.from(`PUB ${ROOM} ${text.length}\r\n${text}\r\n`),
  echoes: true,
};

const NGIRCD: Dialect = {
  name: 'ngircd',
  command: 'ngircd',
  start: async () => {
    const port = await freePort();
    const config = [
      `[Global]\nName = irc.local.test\nInfo = test\nListen = 127.0.0.1\nPorts = ${port}\nMotdPhrase = hi`,
      '[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0',
      '[Options]\nDNS = no\nIdent = no\nPAM = no',
      `[Channel]\nName = #${ROOM}\nModes = n\n`,
    ];
    return start('ngircd', ['-n', '-f', 'ngircd.conf'], port, { 'ngircd.conf': config.join('\n') });
  },
  backlog: 10,
  hello: (login) => Buffer.from(`NICK ${login}\r\nUSER ${login} 0 * :${login}\r\n`),
  welcomed: (received) => received.includes(' 376 ') || received.includes(' 422 '),
  join: Buffer.from(`JOIN #${ROOM}\r\n`),
  message: (_login, text) => Buffer.from(`PRIVMSG #${ROOM} :${text}\r\n`),
  echoes: false,
};

/** MQTT 3.1.1, QoS 0; the broker drops nothing. */
const MOSQUITTO: Dialect = {
  name: 'mosquitto',
  command: 'mosquitto',
  start: async () => {
    const port = await freePort();
    const config = [
      `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true`,
      'max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 0\nmax_inflight_bytes 0',
      'sys_interval 0\npersistence false\nlog_dest none\n',
    ];
    return start('mosquitto', ['-c', 'mosquitto.conf'], port, { 'mosquitto.conf': config.join('\n') });
  },
  backlog: 100,
  hello: (login) =>
    Buffer.concat([
      mqtt.generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: login,
        clean: true,
        keepalive: 0,
      }),
      mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: ROOM, qos: 0 }] }),
    ]),
  // CONNACK of 4 bytes, SUBACK of 5.
  welcomed: (received) => received.length >= 9,
  message: (_login, text) =>
    mqtt.generate({ cmd: 'publish', topic: ROOM, payload: text, qos: 0, dup: false, retain: false }),
  echoes: true,
};

const DIALECTS: readonly Dialect[] = [CHATOS, NATS, NGIRCD, MOSQUITTO];

/** Those whose servers are installed. */
export function presentDialects(): Dialect[] {
  return DIALECTS.filter(({ command }) => command === undefined || isInstalled(command));
}

export function dialectOf(name: string): Dialect {
  return DIALECTS.find((each) => each.name === name)!;
}
