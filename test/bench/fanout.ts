import { once } from 'node:events';
import net from 'node:net';
import { compare, cpuSeconds, type Contender, type Figures } from './measure.ts';
import { freePort, isInstalled, start, startChatos, type Running } from './processes.ts';

const CLIENTS = 500;
const MESSAGES = 1_000;
const LONE_MESSAGES = 100;
/** A message of 100 bytes; its last byte appears nowhere else, so that deliveries can be counted. */
const TEXT = `${'x'.repeat(99)}|`;
const MARK = '|'.charCodeAt(0);

/** How one kind of server is spoken to. */
interface Dialect {
  readonly name: string;
  readonly command?: string;
  start(): Promise<Running>;
  hello(login: string): Buffer;
  /** Whether the answers to the hello are complete. */
  welcomed(received: Buffer): boolean;
  readonly join?: Buffer;
  message(login: string): Buffer;
  /** Whether the sender gets its own message. */
  readonly echoes: boolean;
}

const string = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
};

const DIALECTS: readonly Dialect[] = [
  {
    name: 'chatosbot',
    start: startChatos,
    hello: (login) => Buffer.concat([Buffer.from([0]), string(login)]),
    welcomed: (received) => received[0] === 1,
    message: (login) => Buffer.concat([Buffer.from([3]), string(login), string(TEXT)]),
    echoes: true,
  },
  {
    name: 'nats-server',
    command: 'nats-server',
    start: async () => {
      const port = await freePort();
      return start('nats-server', ['-a', '127.0.0.1', '-p', String(port)], port);
    },
    hello: () => Buffer.from('CONNECT {"verbose":false}\r\nSUB room 1\r\nPING\r\n'),
    welcomed: (received) => received.includes('PONG'),
    message: () => Buffer.from(`PUB room ${TEXT.length}\r\n${TEXT}\r\n`),
    echoes: true,
  },
  {
    name: 'ngircd',
    command: 'ngircd',
    start: async () => {
      const port = await freePort();
      const config = `[Global]\nName = irc.local.test\nInfo = test\nListen = 127.0.0.1\nPorts = ${port}\nMotdPhrase = hi\n[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0\n[Options]\nDNS = no\nIdent = no\nPAM = no\n[Channel]\nName = #room\nModes = n\n`;
      return start('ngircd', ['-n', '-f', 'ngircd.conf'], port, { 'ngircd.conf': config });
    },
    hello: (login) => Buffer.from(`NICK ${login}\r\nUSER ${login} 0 * :${login}\r\n`),
    welcomed: (received) => received.includes(' 376 ') || received.includes(' 422 '),
    join: Buffer.from('JOIN #room\r\n'),
    message: () => Buffer.from(`PRIVMSG #room :${TEXT}\r\n`),
    echoes: false,
  },
];

/** Messages to everyone: how many deliveries a second, at what CPU, and how long a lone one takes to reach everybody. */
export async function benchFanout(rounds: number): Promise<void> {
  const present = DIALECTS.filter(({ command }) => command === undefined || isInstalled(command));
  const contenders: Contender[] = present.map((dialect) => ({ name: dialect.name, run: () => measure(dialect) }));
  await compare(`fan-out: ${CLIENTS} clients, ${MESSAGES} messages of 100 bytes`, contenders, rounds);
}

async function measure(dialect: Dialect): Promise<Figures> {
  const server = await dialect.start();
  const sockets: net.Socket[] = [];
  try {
    for (let i = 0; i < CLIENTS; i++) sockets.push(await connect(dialect, server.port, i));
    const receivers = CLIENTS - (dialect.echoes ? 0 : 1);
    const counter = countDeliveries(sockets);
    if (dialect.join) {
      for (const socket of sockets) socket.write(dialect.join);
      await quiet(sockets);
    }
    const [sender] = sockets;
    const message = dialect.message('u0');

    const cpuBefore = cpuSeconds(server.pid);
    const startedAt = performance.now();
    sender!.write(Buffer.concat(Array.from({ length: MESSAGES }, () => message)));
    await counter.reached(receivers * MESSAGES);
    const elapsedS = (performance.now() - startedAt) / 1000;
    const cpu = cpuSeconds(server.pid) - cpuBefore;

    const latencies: number[] = [];
    for (let i = 0; i < LONE_MESSAGES; i++) {
      const sentAt = performance.now();
      sender!.write(message);
      await counter.reached(receivers * (MESSAGES + i + 1));
      latencies.push(performance.now() - sentAt);
    }
    const deliveries = receivers * MESSAGES;
    return {
      'k deliveries/s': deliveries / elapsedS / 1000,
      'CPU-us/delivery': (cpu / deliveries) * 1e6,
      'lone ms (p50)': latencies.toSorted((a, b) => a - b)[LONE_MESSAGES / 2]!,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}

async function connect(dialect: Dialect, port: number, number: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, localAddress: `127.0.0.${2 + (number % 200)}` });
  socket.write(dialect.hello(`u${number}`));
  let received = Buffer.alloc(0);
  while (!dialect.welcomed(received)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    received = Buffer.concat([received, chunk]);
  }
  return socket;
}

/** Counts the marks in everything that comes. */
function countDeliveries(sockets: readonly net.Socket[]) {
  let count = 0;
  let wanted = Infinity;
  let resolve: () => void = () => undefined;
  for (const socket of sockets) {
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) count += 1;
      if (count >= wanted) resolve();
    });
  }
  return {
    reached: (total: number) =>
      new Promise<void>((done, reject) => {
        wanted = total;
        const timer = setTimeout(() => reject(new Error(`stalled at ${count} of ${total}`)), 30_000);
        resolve = () => {
          clearTimeout(timer);
          wanted = Infinity;
          done();
        };
        if (count >= wanted) resolve();
      }),
  };
}

/** Resolves when nothing has come for half a second. */
function quiet(sockets: readonly net.Socket[]): Promise<void> {
  return new Promise((resolve) => {
    let timer = setTimeout(resolve, 500);
    for (const socket of sockets) {
      socket.on('data', () => {
        clearTimeout(timer);
        timer = setTimeout(resolve, 500);
      });
    }
  });
}
