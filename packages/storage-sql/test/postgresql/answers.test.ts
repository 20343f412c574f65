import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';

import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';
import { storeError } from '../../src/postgresql/store-error.js';
import { never, shortLimits, storeAt } from './support.js';

/** An answer to the log-in: AuthenticationRequest of this kind, https://www.postgresql.org/docs/current/protocol-message-formats.html. */
function authentication(kind: number, more: Buffer | string = ''): Buffer {
  const number = Buffer.alloc(4);
  number.writeInt32BE(kind);
  return message('R', Buffer.concat([number, Buffer.from(more)]));
}

function message(kind: string, content: Buffer | string): Buffer {
  const rest = Buffer.from(content);
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeInt32BE(4 + rest.length, 1);
  return Buffer.concat([head, rest]);
}

const onceAsked = (answer: Buffer | string) => (socket: Socket) => socket.once('data', () => socket.write(answer));

const servers: [string, string, (socket: Socket) => unknown, string, string][] = [
  ['asks for GSSAPI', 'disable', onceAsked(authentication(7)), 'STORE_REFUSED', 'pg_hba.conf'],
  ['asks for SSPI', 'disable', onceAsked(authentication(9)), 'STORE_REFUSED', 'pg_hba.conf'],
  ['asks for Kerberos 5', 'disable', onceAsked(authentication(2)), 'STORE_REFUSED', 'pg_hba.conf'],
  ['asks for OAuth', 'disable', onceAsked(authentication(10, 'OAUTHBEARER\0\0')), 'STORE_REFUSED', 'pg_hba.conf'],
  [
    'answers SCRAM incorrectly',
    'disable',
    (socket) => {
      onceAsked(authentication(10, 'SCRAM-SHA-256\0\0'))(socket);
      socket.on('data', (data) => data[0] === 0x70 && socket.write(authentication(11, 'r=another,s=,i=0')));
    },
    'STORE_UNAVAILABLE',
    'SASL',
  ],
  [
    'continues SCRAM before it was begun',
    'disable',
    onceAsked(authentication(11, 'r=a,s=b,i=1')),
    'STORE_UNAVAILABLE',
    '',
  ],
  [
    'is MySQL',
    'disable',
    (socket) => socket.write(Buffer.from(`\x4a\0\0\0\x0a8.0.36\0${'x'.repeat(66)}`)),
    'STORE_UNAVAILABLE',
    'does not speak',
  ],
  [
    'supports SASL, but not SCRAM',
    'disable',
    onceAsked(authentication(10, 'PLAIN\0XOAUTH2\0\0')),
    'STORE_REFUSED',
    'pg_hba.conf',
  ],
  ['offers no SASL mechanism', 'disable', onceAsked(authentication(10, '\0')), 'STORE_REFUSED', 'pg_hba.conf'],
  ['ends SASL before it was begun', 'disable', onceAsked(authentication(12, 'v=AAAA')), 'STORE_UNAVAILABLE', ''],
  ['is an SSH server', 'disable', (socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'), 'STORE_UNAVAILABLE', ''],
  [
    'is RabbitMQ',
    'disable',
    (socket) => socket.once('data', () => socket.end('AMQP\0\0\x09\x01')),
    'STORE_UNAVAILABLE',
    '',
  ],
  [
    'is a web server and is asked for TLS',
    'require',
    onceAsked('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'STORE_UNAVAILABLE',
    'TLS',
  ],
  ['sends an error without fields', 'disable', onceAsked(message('E', '\0')), 'STORE_UNAVAILABLE', ''],
  ['sends nothing', 'disable', () => undefined, 'STORE_UNAVAILABLE', 'no answer'],
  ['does not answer the request for TLS', 'require', () => undefined, 'STORE_UNAVAILABLE', 'no answer'],
  ['accepts TLS and sends nothing more', 'require', onceAsked('S'), 'STORE_UNAVAILABLE', 'no answer'],
  [
    'accepts the log-in and sends nothing more',
    'disable',
    onceAsked(Buffer.concat([authentication(0), message('K', Buffer.alloc(8)), message('Z', 'I')])),
    'STORE_UNAVAILABLE',
    'no answer',
  ],
  ['is a web server', 'disable', onceAsked('HTTP/1.1 400 Bad Request\r\n\r\n'), 'STORE_UNAVAILABLE', ''],
  [
    'closes the connection',
    'disable',
    (socket) => socket.once('data', () => socket.end()),
    'STORE_UNAVAILABLE',
    'lost',
  ],
  [
    'ends the TLS handshake',
    'verify-full',
    (socket) =>
      socket.once('data', () => {
        socket.write('S');
        socket.once('data', () => socket.end());
      }),
    'STORE_UNAVAILABLE',
    'lost',
  ],
  [
    'has no process left for TLS',
    'verify-full',
    (socket) =>
      socket.once('data', () =>
        socket.end('Ecould not fork new process for connection: Resource temporarily unavailable\n\0'),
      ),
    'STORE_UNAVAILABLE',
    'no process left',
  ],
  [
    'answers TLS with something else',
    'verify-full',
    (socket) =>
      socket.once('data', () => {
        socket.write('S');
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      }),
    'STORE_TLS',
    '',
  ],
];

describe('a server', () => {
  it.each(servers)('that %s is reported (sslmode %s)', async (_, mode, talk, code, message) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined).resume());
      talk(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const store = storeAt(`postgresql://user:word@127.0.0.1:${port}/samples?sslmode=${mode}`, {
      within: shortLimits,
    });
    try {
      await expect(store.start(never)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
      expect(store.health().ok).toBe(false);
      // The connection is closed completely.
      for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
    } finally {
      server.close();
    }
  });
});

describe('an error', () => {
  const url = new PostgresqlUrl('postgresql://user@db.example:5432/samples');
  const withFields = (fields: object, message = 'it says no') => Object.assign(new Error(message), fields);
  const refused = (address: string) =>
    withFields({ code: 'ECONNREFUSED', syscall: 'connect', address }, `connect ECONNREFUSED ${address}:5432`);

  const errors: [string, unknown, string][] = [
    [
      'of a host with several addresses',
      Object.assign(new AggregateError([refused('::1'), refused('127.0.0.1')]), { code: 'ECONNREFUSED' }),
      'STORE_UNAVAILABLE',
    ],
    [
      'of several errors without a code',
      new AggregateError([new Error('one'), new Error('two')]),
      'STORE_UNAVAILABLE',
    ],
    ...['INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED', 'CERT_HAS_EXPIRED', 'HOSTNAME_MISMATCH', 'EPROTO'].map(
      (code): [string, unknown, string] => [`${code} of TLS`, withFields({ code }), 'STORE_TLS'],
    ),
    ...['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EMFILE', 'EACCES'].map(
      (code): [string, unknown, string] => [`${code} without a call`, withFields({ code }), 'STORE_UNAVAILABLE'],
    ),
    // A value, a table or the server may be the reason: this says nothing about the sample.
    ...[
      '22021',
      '22P05',
      '22003',
      '2200H',
      '22023',
      '23505',
      '23514',
      '25P03',
      '08P01',
      '0A000',
      '58030',
      'ZZZZZ',
    ].map((code): [string, unknown, string] => [
      `${code} of the server`,
      withFields({ code, severity: 'ERROR' }),
      'STORE_UNAVAILABLE',
    ]),
    ['an error without fields', new Error('odd'), 'STORE_UNAVAILABLE'],
    ['an error of the program', new TypeError('x is not a function'), 'STORE_UNAVAILABLE'],
    ['a NephoscopeError with another code', new NephoscopeError('OTHER', 'odd'), 'STORE_UNAVAILABLE'],
    ['a string', 'odd', 'STORE_UNAVAILABLE'],
    ['undefined', undefined, 'STORE_UNAVAILABLE'],
    [
      'a NephoscopeError with the code SAMPLE_INVALID',
      new NephoscopeError('SAMPLE_INVALID', 'too long'),
      'SAMPLE_INVALID',
    ],
  ];
  it.each(errors)('%s has the right code and text', (_, error, code) => {
    const failure = storeError(error, url);
    expect([isNephoscopeError(failure), failure.code]).toEqual([true, code]);
    const words = error instanceof AggregateError ? error.errors.map((one: Error) => one.message) : [];
    for (const word of words) expect(failure.message).toContain(word);
  });
});
