// Serves the files of the folder `shared` over private connections: a line with a name
// is answered by the file, an empty line by the list of names; for a missing file the connection breaks.
//
//   $ echo notes.txt | chatosbot pipe <this bot> > notes.txt
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ChatosError, defineBot, type Channel } from 'chatosbot';

const MAX_NAME_BYTES = 255;
const TIMEOUT_MS = 60_000;

export default defineBot({
  onPrivateRequest: () => true,

  async onChannel(channel, ctx) {
    breakOffIfIdle(channel);
    const directory = path.resolve(ctx.directory, 'shared');
    const name = await readLine(channel);
    if (name === '') {
      const names = await sharedNames(directory);
      channel.end(names.map((each) => `${each}\n`).join(''));
    } else if ((await sharedNames(directory)).includes(name)) {
      await pipeline(createReadStream(path.join(directory, name)), channel);
      ctx.log.info(`sent ${name}`, { peer: channel.peer });
    } else {
      channel.destroy();
    }
  },
});

/** A peer that asks for nothing, reads nothing, or leaves the connection open would occupy a place for ever. */
function breakOffIfIdle(channel: Channel): void {
  let { bytesSent } = channel;
  const timer = setInterval(() => {
    if (channel.bytesSent === bytesSent) channel.destroy(new ChatosError('TIMED_OUT', `${channel.peer} timed out`));
    ({ bytesSent } = channel);
  }, TIMEOUT_MS);
  channel.once('close', () => clearInterval(timer));
}

/** What the peer asks for. The rest is read and ignored, so that its end is noticed. */
async function readLine(channel: Channel): Promise<string> {
  let line = Buffer.alloc(0);
  // A chunk may end anywhere, inside a character too.
  for await (const chunk of channel) {
    line = Buffer.concat([line, chunk]);
    if (line.includes('\n') || line.length > MAX_NAME_BYTES) break;
  }
  channel.resume();
  return line.toString().split('\n')[0]!.trim();
}

/** The files of the folder, without links, which may lead anywhere, and hidden files. */
async function sharedNames(directory: string): Promise<string[]> {
  const files = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile());
  return files.flatMap(({ name }) => (name.startsWith('.') ? [] : [name])).toSorted();
}
