import { createConnection } from 'node:net';
import { once } from 'node:events';
import { isAlive } from '../processes.js';
import { startRabbitmq, type PrivateRabbitmq } from '../rabbitmq.js';

/** The first bytes of the broker's answer to an AMQP 0-9-1 client: a method frame on channel 0. */
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
  it('answers after a start, a restart and a stop of its application, and ends', async () => {
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

  it('runs the commands of rabbitmqctl one after another, and reports why one fails', async () => {
    const broker = await startRabbitmq();
    try {
      await Promise.all([
        broker.ctl('add_vhost', 'ä b'),
        broker.ctl('set_permissions', '-p', 'ä b', 'guest', '', '.*', '^$'),
      ]);
      expect(await broker.ctl('list_permissions', '-p', 'ä b', '--no-table-headers')).toBe('guest\t\t.*\t^$\n');
      await expect(broker.ctl('clear_policy', 'none')).rejects.toThrow('Parameter does not exist');
      await expect(broker.ctl('no_such_command')).rejects.toThrow('no_such_command');
      await broker.kill();
      await expect(broker.ctl('list_vhosts')).rejects.toThrow('unable to perform an operation on node');
      await broker.start();
      expect((await broker.ctl('list_vhosts', '--no-table-headers')).split('\n').sort()).toEqual(['', '/', 'ä b']);
    } finally {
      await broker.stop();
    }
  }, 120_000);
});
