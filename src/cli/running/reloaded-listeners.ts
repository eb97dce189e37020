import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import type { OperatedServer } from '../../server/operated-server.ts';
import type { Announce } from '../terminal/output.ts';
import type { Report } from './reload-report.ts';

/** An address as the configuration has it, and where the server listens by it. */
type Listening = readonly [text: string, real: Address];

/** The addresses of a configuration that is reloaded, and where the server listens by them. */
export class ReloadedListeners {
  readonly #server: OperatedServer;
  readonly #announce: Announce;
  #listening: readonly Listening[];

  /** @param wanted the addresses that the server was started with, in the order in which it listens on them */
  constructor(server: OperatedServer, wanted: readonly Address[], announce: Announce) {
    const { addresses } = server;
    this.#server = server;
    this.#announce = announce;
    this.#listening = wanted.map((address, index) => [formatAddress(address), addresses[index]!]);
  }

  /** Listens where it did not, and no longer where it need not: where one of the new addresses fails, all stays. */
  async change(all: readonly Address[], report: Report): Promise<void> {
    const server = this.#server;
    const left = [...this.#listening];
    const next: Listening[] = [];
    const added: Address[] = [];
    let wanted: Address | undefined;
    try {
      for (const address of all) {
        wanted = address;
        const text = formatAddress(address);
        const index = left.findIndex(([other]) => other === text);
        if (index >= 0) {
          next.push(...left.splice(index, 1));
          continue;
        }
        const real = await server.listen(address);
        added.push(real);
        next.push([text, real]);
      }
    } catch (error) {
      for (const address of added) server.stopListening(address);
      return report.fails('serve.listen', isOwnPort(error, wanted, server) ? needsPort(wanted!) : error);
    }
    for (const [, address] of left) server.stopListening(address);
    this.#listening = next;
    if (added.length === 0 && left.length === 0) return report.unchanged('serve.listen');
    for (const address of added) this.#say('listening on', address);
    for (const [, address] of left) this.#say('listening no longer on', address);
    report.applied('serve.listen');
  }

  #say(what: string, real: Address): void {
    const address = formatAddress(real);
    this.#announce(`${what} ${address}`, { address });
  }
}

/** Whether the port that is in use is the server's own. */
function isOwnPort(error: unknown, wanted: Address | undefined, { addresses }: OperatedServer): boolean {
  const isInUse = isChatosError(error, 'LISTEN_FAILED') && error.fields['errno'] === 'EADDRINUSE';
  return isInUse && addresses.some(({ port }) => port === wanted?.port);
}

function needsPort(wanted: Address): ChatosError {
  const message = `${formatAddress(wanted)} takes a restart, or a port of its own: the server listens on port ${wanted.port} already, at another address or in another way`;
  return new ChatosError('LISTEN_FAILED', message);
}
