// Clients of the server, as a process of its own: they say something at a steady pace, and see how old it is when it comes.
import { STEP_MS, STEPS, type Ages } from './ages.ts';
import { connectClients, type Client, type Clients } from './chat-clients.ts';
import { CHATOS } from '../servers/dialects.ts';
import { answerCalls } from './load-process.ts';

export type PacedLoad = typeof calls;

/** A message of 100 bytes begins with the time at which it was due, in microseconds of the machine's clock. */
const TIME_DIGITS = 15;
const TEXT_BYTES = 100;
/** When nothing has come for that long, all has. */
const QUIET_MS = 300;

let clients: Client[];
let arrived = 0;
let ages: Ages = new Uint32Array(STEPS);

const calls = {
  async connect(which: Clients): Promise<void> {
    clients = await connectClients(which);
    const { login } = clients[0]!;
    const frameBytes = CHATOS.message(login, '.'.repeat(TEXT_BYTES)).length;
    for (const client of clients) client.receive = ageReader(frameBytes);
  },
  /** So many messages a second, all clients in turn, for a time; a message that is sent late counts from when it was due. */
  async pace(perSecond: number, forMs: number): Promise<Ages> {
    ages = new Uint32Array(STEPS);
    const startedAt = microseconds();
    const total = Math.round((perSecond * forMs) / 1000);
    for (let sent = 0; sent < total;) {
      // The first is due at once.
      const due = Math.min(total, Math.floor(((microseconds() - startedAt) * perSecond) / 1e6) + 1);
      for (; sent < due; sent++) {
        const { login, socket } = clients[sent % clients.length]!;
        const dueAt = Math.floor(startedAt + (sent * 1e6) / perSecond);
        const text = String(dueAt).padStart(TIME_DIGITS, '0').padEnd(TEXT_BYTES, '.');
        socket.write(CHATOS.message(login, text));
      }
      await pause(1);
    }
    for (let before = -1; before < arrived;) {
      before = arrived;
      await pause(QUIET_MS);
    }
    return ages;
  },
};

/** Notes the age of each message in a stream of frames that all have one length. */
function ageReader(frameBytes: number): (bytes: Buffer) => void {
  const timeAt = frameBytes - TEXT_BYTES;
  /** Where the next byte is in its frame, and the time as far as it was read. */
  let at = 0;
  let time = 0;
  return (bytes) => {
    const now = microseconds();
    for (let i = 0; i < bytes.length;) {
      if (at < timeAt || at >= timeAt + TIME_DIGITS) {
        const step = Math.min(bytes.length - i, (at < timeAt ? timeAt : frameBytes) - at);
        i += step;
        at = (at + step) % frameBytes;
        continue;
      }
      time = time * 10 + bytes[i++]! - 48;
      if (++at < timeAt + TIME_DIGITS) continue;
      ages[Math.max(0, Math.min(STEPS - 1, Math.floor((now - time) / 1000 / STEP_MS)))]! += 1;
      arrived += 1;
      time = 0;
    }
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

answerCalls(calls);
