import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { openConnection } from '../src/open-connection.js';
import { BrokerUrl } from '../src/broker-url.js';
import { amqpOptions } from '../src/options.js';
import { timeoutsOf } from '../src/timeouts.js';

const { signal: never } = new AbortController();
const connectionClass = 10;
const ids = { start: 10, startOk: 11, tune: 30, open: 40, openOk: 41, close: 50 };

/** AMQP 0-9-1, 4.2.3 and 4.2.4: a method frame of channel 0. */
function method(id: number, ...args: readonly Buffer[]): Buffer {
  const payload = Buffer.concat([uint16(connectionClass), uint16(id), ...args]);
  return Buffer.concat([Buffer.from([1, 0, 0]), uint32(payload.length), payload, Buffer.from([0xce])]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const longText = (text: string) => Buffer.concat([uint32(text.length), Buffer.from(text)]);
const shortText = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const asksFor = (bytes: Buffer, id: number) =>
  bytes.includes(Buffer.concat([uint16(connectionClass), uint16(id)]));

const start = method(ids.start, Buffer.from([0, 9]), uint32(0), longText('PLAIN'), longText('en_US'));
const tune = method(ids.tune, uint16(0), uint32(131_072), uint16(0));
const openOk = method(ids.openOk, shortText(''));
const close = method(ids.close, uint16(320), shortText('CONNECTION_FORCED - shutdown'), uint16(0), uint16(0));

it('notices at the first channel that the broker closed the connection together with the end of the login', async () => {
  const broker = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (bytes.subarray(0, 4).toString() === 'AMQP') socket.write(start);
      else if (asksFor(bytes, ids.startOk)) socket.write(tune);
      else if (asksFor(bytes, ids.open)) socket.write(Buffer.concat([openOk, close]));
    });
  }).listen(0, '127.0.0.1');
  await once(broker, 'listening');
  try {
    const url = `amqp://guest:guest@127.0.0.1:${(broker.address() as AddressInfo).port}`;
    const parsed = amqpOptions.parse({ url });
    const options = { ...parsed, ...timeoutsOf(parsed.heartbeat) };
    const opened = await openConnection(new BrokerUrl(url), options, 'test', () => Promise.resolve(), never);
    await expect(opened.openChannel()).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    expect(opened.lost.aborted).toBe(true);
    expect(String((opened.lost.reason as Error).cause)).toContain('CONNECTION_FORCED');
  } finally {
    broker.close();
  }
});
