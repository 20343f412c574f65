import { createConnection } from 'node:net';
import { once } from 'node:events';
import { isAlive } from '../processes.js';
import { startRabbitmq, type PrivateRabbitmq } from '../rabbitmq.js';

/** The first bytes that the broker answers to a client of AMQP 0-9-1: a method frame on channel 0. */
async function greeting({ port }: PrivateRabbitmq): Promise<Buffer> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.subarray(0, 3);
  } finally {
    socket.destroy();
  }
}

describe('a private RabbitMQ', () => {
  it('greets after a start, a restart and a stop of its application, and ends', async () => {
    const broker = await startRabbitmq();
    const methodFrame = Buffer.from([1, 0, 0]);
    try {
      expect(await greeting(broker)).toEqual(methodFrame);
      const first = await broker.pid();
      await broker.restart();
      expect(await isAlive(first)).toBe(false);
      expect(await greeting(broker)).toEqual(methodFrame);
      await broker.stopApp();
      await expect(greeting(broker)).rejects.toThrow('ECONNREFUSED');
      await broker.startApp();
      expect(await greeting(broker)).toEqual(methodFrame);
    } finally {
      const last = await broker.pid();
      await broker.stop();
      expect(await isAlive(last)).toBe(false);
    }
    await expect(greeting(broker)).rejects.toThrow('ECONNREFUSED');
  }, 120_000);
});
