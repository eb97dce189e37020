/** HTTP/1.1 by hand over a connection that is there already: what a real client would refuse to send can be sent too. */
import type { Socket } from 'node:net';

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Begins to read with the first request or response; until then the socket is anybody's. */
export class RawHttp {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #over: Error | undefined;
  #wake: () => void = () => undefined;
  #listening = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Sends a request for the target as it is; the header lines are `Name: value`. */
  ask(target: string, headers: readonly string[] = [], method = 'GET'): void {
    this.#listen();
    this.socket.write([`${method} ${target} HTTP/1.1`, 'Host: files', ...headers, '', ''].join('\r\n'), 'latin1');
  }

  /** Reads one response; that to a HEAD has no body whatever its length says. */
  async read({ head = false } = {}): Promise<RawResponse> {
    this.#listen();
    let end: number;
    while ((end = this.#peek().indexOf('\r\n\r\n')) < 0) await this.#more();
    const [first, ...lines] = this.#peek().toString('latin1', 0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const start = end + 4;
    const length = head ? 0 : Number(headers['content-length']);
    if (Number.isNaN(length)) throw new Error(`a response without content-length: ${first}`);
    while (this.#length < start + length) await this.#more();
    const bytes = this.#peek();
    this.#chunks = [bytes.subarray(start + length)];
    this.#length = bytes.length - start - length;
    return { status: Number(first!.split(' ')[1]), headers, body: bytes.subarray(start, start + length) };
  }

  async get(target: string, headers: readonly string[] = []): Promise<RawResponse> {
    this.ask(target, headers);
    return this.read();
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    const over = (why: Error): void => {
      this.#over ??= why;
      this.#wake();
    };
    this.socket.on('error', over);
    this.socket.on('end', () => over(new Error('the connection was ended')));
    this.socket.on('close', () => over(new Error('the connection was closed')));
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
  }

  #peek(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  async #more(): Promise<void> {
    if (this.#over) throw this.#over;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
