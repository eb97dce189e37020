// Handshakes of TLS from one address, as a process of its own: it makes as many as it can.
import tls from 'node:tls';
import { answerCalls } from './load-process.ts';

export type HandshakeLoad = typeof calls;

/** Neither of those of the clients, nor one that a server exempts by default. */
const FROM = '127.0.0.7';
const AT_ONCE = 16;

const secureContext = tls.createSecureContext({ ca: [] });

const calls = {
  /** Returns how many were done a second, and how many were turned away. */
  async flood(port: number, forMs: number): Promise<{ readonly done: number; readonly refused: number }> {
    const endsAt = performance.now() + forMs;
    let [done, refused] = [0, 0];
    const keepOn = async (): Promise<void> => {
      while (performance.now() < endsAt) {
        if (await shakeHands(port)) done += 1;
        else refused += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, keepOn));
    return { done: (done * 1000) / forMs, refused: (refused * 1000) / forMs };
  },
};

/** Whether it was done; it is over then. */
function shakeHands(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', localAddress: FROM, secureContext, rejectUnauthorized: false };
    const socket = tls.connect(options as tls.ConnectionOptions);
    socket.once('secureConnect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', () => undefined).once('close', () => resolve(false));
  });
}

answerCalls(calls);
