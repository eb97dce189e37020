// Keeps what its friends send: `chatosbot pipe <this bot> < photos.tar` becomes a file in the folder `received`.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { defineBot } from 'chatosbot';

/** Who may send files. A login proves only that it was free: see docs/policy.md. */
const FRIENDS: ReadonlySet<string> = new Set(['ann']);
const MAX_BYTES = 100 * 1024 * 1024;

export default defineBot({
  onPrivateRequest: (request) => FRIENDS.has(request.from),

  async onChannel(channel, ctx) {
    const directory = path.resolve(ctx.directory, 'received');
    await mkdir(directory, { recursive: true });
    // The id is unique, so no file is overwritten; a login may contain any character.
    const file = path.join(directory, `${encodeURIComponent(channel.peer)}-${Date.now()}-${channel.connectId}`);
    const part = await open(`${file}.part`, 'wx');
    let bytes = 0;
    try {
      // A connection that breaks throws here: the incomplete file is removed.
      for await (const chunk of channel) {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) throw new Error(`${channel.peer} sent more than ${MAX_BYTES} bytes`);
        await part.writeFile(chunk);
      }
      await part.close();
      await rename(`${file}.part`, file);
    } catch (error) {
      await part.close();
      await rm(`${file}.part`, { force: true });
      throw error;
    }
    channel.end(`${bytes} bytes received\n`);
  },
});
