import { inspect } from 'node:util';

import plugin from '../../src/index.js';
import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';

const parse = (input: unknown) => plugin.options.safeParse(input);

describe('a PostgreSQL URL', () => {
  it('is parsed', () => {
    const url = new PostgresqlUrl('postgresql://bob%40x:p%40ss%2Fw@db.example:5433/samples?sslmode=verify-ca');
    expect({ ...url, password: url.password?.reveal() }).toEqual({
      host: 'db.example',
      port: 5433,
      user: 'bob@x',
      password: 'p@ss/w',
      database: 'samples',
      sslMode: 'verify-ca',
    });
  });

  it.each([
    ['postgres://db.example/x', 'db.example', 5432, 'verify-full'],
    ['postgresql://localhost/x', 'localhost', 5432, 'disable'],
    ['postgresql://127.0.0.1:6000/x', '127.0.0.1', 6000, 'disable'],
    ['postgresql://[::1]/x', '::1', 5432, 'disable'],
    ['postgresql://[2001:db8::1]:6000/x', '2001:db8::1', 6000, 'verify-full'],
    ['postgresql://10.0.0.1/x', '10.0.0.1', 5432, 'verify-full'],
    ['postgresql://127.example.org/x', '127.example.org', 5432, 'verify-full'],
    ['postgresql://10.0.0.1/x?sslmode=disable', '10.0.0.1', 5432, 'disable'],
    ['postgresql:///x?host=/var/run/postgresql', '/var/run/postgresql', 5432, 'disable'],
    ['postgresql://bob:geheim@/x?host=/var/run/postgresql', '/var/run/postgresql', 5432, 'disable'],
  ])('%s is at %s, port %i, by default %s', (text, host, port, sslMode) => {
    expect(new PostgresqlUrl(text)).toMatchObject({ host, port, sslMode, database: 'x' });
  });

  it('never contains its password when it is printed', () => {
    const settings = parse({ url: 'postgresql://bob:geheim@db.example/samples' });
    const shown = [inspect(settings, { depth: 9 }), JSON.stringify(settings), `${settings.data?.url.toString()}`];
    for (const text of shown) {
      expect(text).toContain('postgresql://bob@db.example:5432/samples');
      expect(text).not.toContain('geheim');
    }
  });

  it.each([
    'postgresql://',
    'postgresql://bob:geheim@db.example',
    'postgresql://bob:geheim@db.example/a/b',
    'postgresql://bob:geheim@db.example:port/x',
    'postgresql://bob:geheim%@db.example/x',
    'postgresql://bob:geheim@/x',
    'postgresql://bob:geheim@db.example/x?host=/var/run/postgresql',
    'postgresql://bob:geheim@/x?host=relative',
    'postgresql://bob:geheim@db.example/x?sslmode=prefer',
    'postgresql://bob:geheim@db.example/x?sslrootcert=x.pem',
    'postgresql://bob:geheim@db.example/x#y',
    'mysql://bob:geheim@db.example/x',
    'postgresql://bob:12/geheim@db.example/x',
    'postgresql://bob:12?geheim&more@db.example/x',
  ])('is refused if it is %s, without being quoted', (url) => {
    const { error } = parse({ url });
    expect(error?.issues[0]).toMatchObject({ path: ['url'] });
    expect(inspect(error, { depth: 9 })).not.toContain('geheim');
  });

  it('has both a certificate and its key, or neither', () => {
    expect(parse({ tls: { certFile: 'a.pem' } }).success).toBe(false);
    expect(parse({ tls: { certFile: 'a.pem', keyFile: 'a.key', caFile: 'ca.pem' } }).success).toBe(true);
  });
});
