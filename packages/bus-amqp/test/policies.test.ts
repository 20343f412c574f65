import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { amqpOptions } from '../src/index.js';
import { Policies, harmOf } from '../src/policies.js';
import { hurriedClock, recordingLogger } from './support.js';
import type { LogEntry } from './support.js';

it.each<[string, unknown, readonly RegExp[]]>([
  ['no policy', {}, []],
  ['an empty one, as a list', [], []],
  ['one that removes nothing', { 'delivery-limit': 20, 'ha-mode': 'all' }, []],
  ['a limit that refuses messages', { 'max-length': 5, overflow: 'reject-publish' }, []],
  ['a limit that drops messages', { 'max-length-bytes': 5, overflow: 'drop-head' }, [/^beyond 5 the oldest/]],
  ['two limits', { 'max-length': 5, 'max-length-bytes': 6 }, [/max-length\)$/, /max-length-bytes\)$/]],
  ['expiry of both kinds', { 'message-ttl': 0, expires: 9 }, [/after 0 ms/, /after 9 ms without/]],
])('reports what is harmful in %s', (_, effective_policy_definition, harm) => {
  expect(harmOf({ effective_policy_definition } as never)).toEqual(harm.map((one) => expect.stringMatching(one)));
});

it.each<[string, number, string, RegExp]>([
  ['text that is not JSON', 200, '<html>', /does not answer as RabbitMQ's management API/],
  ['other JSON', 200, '{"effective_policy_definition":"all"}', /does not answer as RabbitMQ's management API/],
  [
    'a response that is too large',
    200,
    `"${'x'.repeat(2_000_000)}"`,
    /does not answer as RabbitMQ's management API/,
  ],
  ['a refusal of access', 401, '{}', /set_user_tags USER management/],
  ['no such queue', 404, '{}', /status 404/],
  ['no policy ever', 200, '{"name":"metering"}', /are its statistics disabled/],
])('reports that policies are unknown if the API returns %s', async (_, status, body, text) => {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const log: LogEntry[] = [];
  const options = amqpOptions.parse({ url: 'amqp://rabbit', management: `http://127.0.0.1:${port}` });
  try {
    const settings = { options, logger: recordingLogger(log), clock: hurriedClock, host: 'compute-1' };
    await new Policies(settings).look('metering', options.url[0]!, AbortSignal.timeout(20_000));
    expect(log.map(({ level, message }) => [level, message])).toEqual([['warn', expect.stringMatching(text)]]);
  } finally {
    server.close();
  }
});
