/** A control socket, spoken to without our client. */
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class RawControl {
  readonly socket: Socket;
  #text = '';
  readonly ended: Promise<void>;

  constructor(path: string) {
    this.socket = connect({ path }).setEncoding('utf8');
    onTestFinished(() => void this.socket.destroy());
    this.socket.on('data', (text: string) => (this.#text += text)).on('error', () => undefined);
    this.ended = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** The lines of the next answer, its last one included; what has come where the socket is closed before. */
  async answer(): Promise<Record<string, unknown>[]> {
    for (;;) {
      const lines = this.#text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const last = lines.findIndex(({ type }) => type === 'end' || type === 'error');
      if (last >= 0) {
        this.#text = this.#text
          .split('\n')
          .slice(last + 1)
          .join('\n');
        return lines.slice(0, last + 1);
      }
      if (this.socket.destroyed) return lines;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.socket.off('data', done).off('close', done);
          resolve();
        };
        this.socket.on('data', done).on('close', done);
      });
    }
  }
}
