import { PacketDecoder, encodePacket } from 'chatosbot/protocol';
import mqtt from 'mqtt-packet';
import { compare } from './measure.ts';

const FRAMES = 300_000;
const CHUNK_BYTES = 64 * 1024;
const LOGIN = 'alice-the-first';
const TEXT = 'The quick brown fox jumps over the lazy dog, and the dog does not even wake up. '
  .repeat(1)
  .padEnd(100, '.');

/** Nanoseconds a frame for decoding a message of 100 bytes: ours, mqtt-packet's, and JSON.parse's of a like line. */
export async function benchDecoder(rounds: number): Promise<void> {
  const chatos = repeat(encodePacket({ type: 'MESSAGE', login: LOGIN, msg: TEXT }));
  const publish = repeat(
    mqtt.generate({ cmd: 'publish', topic: LOGIN, payload: TEXT, qos: 0, dup: false, retain: false }),
  );
  const json = Array.from({ length: FRAMES }, () => JSON.stringify({ type: 'MESSAGE', login: LOGIN, msg: TEXT }));

  await compare(
    `decoder: ${FRAMES.toLocaleString('en')} messages of ${TEXT.length} bytes`,
    [
      {
        name: 'chatosbot',
        run: () =>
          timed((count) => {
            const decoder = new PacketDecoder();
            for (const chunk of chunks(chatos)) {
              decoder.push(chunk);
              while (decoder.next()) count();
            }
          }),
      },
      {
        name: 'mqtt-packet',
        run: () =>
          timed((count) => {
            const parser = mqtt.parser();
            parser.on('packet', count);
            for (const chunk of chunks(publish)) parser.parse(chunk);
          }),
      },
      {
        name: 'JSON.parse',
        run: () =>
          timed((count) => {
            for (const line of json) if ((JSON.parse(line) as { type: string }).type === 'MESSAGE') count();
          }),
      },
    ],
    rounds,
  );
}

async function timed(work: (count: () => void) => void): Promise<{ 'ns/frame': number }> {
  let frames = 0;
  const startedAt = process.hrtime.bigint();
  work(() => (frames += 1));
  const elapsed = Number(process.hrtime.bigint() - startedAt);
  if (frames !== FRAMES) throw new Error(`${frames} frames came out of ${FRAMES}`);
  return Promise.resolve({ 'ns/frame': elapsed / frames });
}

function repeat(frame: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: FRAMES }, () => frame));
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}
