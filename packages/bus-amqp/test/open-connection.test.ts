import { EventEmitter } from 'node:events';

import type { Connection as Model } from 'amqplib/callback_api';

import { BrokerUrl } from '../src/broker-url.js';
import { Connection } from '../src/open-connection.js';

/** The library's connection, which does nothing unless the test makes it. */
class SilentModel extends EventEmitter {
  readonly channel = Object.assign(new EventEmitter(), {
    checkQueue: () => undefined,
    close: () => undefined,
    ack: () => {
      throw new Error('Channel closed');
    },
  });
  answerChannel: (error: Error | null, channel: unknown) => void = () => undefined;

  createChannel(answer: (error: Error | null, channel: unknown) => void) {
    this.answerChannel = answer;
    return this.channel;
  }

  close() {
    // Waits for the broker's close.
  }
}

describe('a request to the broker', () => {
  let model: SilentModel;
  let socket: AbortController;

  beforeEach(() => {
    model = new SilentModel();
    socket = new AbortController();
  });

  function connect(timeLimit = 10_000): Connection {
    const url = new BrokerUrl('amqp://guest:guest@127.0.0.1');
    return new Connection(model as unknown as Model, url, socket, timeLimit);
  }

  async function openChannel(connection: Connection) {
    const opening = connection.openChannel();
    model.answerChannel(null, model.channel);
    return opening;
  }

  const isLost = { code: 'BUS_UNAVAILABLE', message: expect.stringContaining('the connection was lost') };

  it('fails with its connection, even if the library never answers', async () => {
    const connection = connect();
    const channel = await openChannel(connection);
    const asked = [connection.openChannel(), channel.checkQueue('q')];
    model.emit('close', new Error('Unexpected close'));
    for (const one of asked) await expect(one).rejects.toMatchObject(isLost);
    // Closing never fails.
    await channel.close();
    await connection.close();
  });

  it.each(['openChannel', 'openPublishingChannel'] as const)('fails on a lost connection: %s', async (open) => {
    const connection = connect();
    connection.destroy(new Error('cut'));
    await expect(connection[open]()).rejects.toMatchObject({ ...isLost, cause: { message: 'cut' } });
  });

  it('fails with its channel, which is not used any more', async () => {
    const connection = connect();
    const channel = await openChannel(connection);
    const asked = channel.checkQueue('q');
    model.channel.emit('close');
    await expect(asked).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    channel.ack({} as never);
    expect(connection.lost.aborted).toBe(false);
  });

  it('fails after its time limit, which also ends the connection', async () => {
    const connection = connect(20);
    const channel = await openChannel(connection);
    await expect(channel.checkQueue('q')).rejects.toMatchObject({
      code: 'BUS_UNAVAILABLE',
      message: expect.stringMatching(/no answer within 0.02 s while looking up queue 'q'/),
    });
    expect(connection.lost.reason).toMatchObject(isLost);
    expect(socket.signal.aborted).toBe(true);
  });

  it('fails when the socket is cut, whatever the library does', async () => {
    const connection = connect();
    const asked = connection.openChannel();
    socket.abort(new Error('stopped'));
    await expect(asked).rejects.toMatchObject({ ...isLost, cause: { message: 'stopped' } });
  });

  it("passes on the broker's refusal", async () => {
    const connection = connect();
    const asked = connection.openChannel();
    model.answerChannel(Object.assign(new Error('no'), { code: 403 }), undefined);
    await expect(asked).rejects.toMatchObject({ code: 403 });
  });

  it('ignores an error of a connection that was already given up', () => {
    socket.abort();
    const connection = connect();
    expect(connection.lost.aborted).toBe(true);
    expect(() => model.emit('error', new Error('Heartbeat timeout'))).not.toThrow();
  });
});
