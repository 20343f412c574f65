import { Secret } from '@nephoscope/core/options';

import { cloud, connect, glance, images, second, signal } from './connected.js';
import { recording, resets, says } from './fake-cloud.js';
import { allOf, configOf, failureOf, pagesOf, password } from './support.js';

describe('tokens', () => {
  it('are requested once for all callers that ask at the same time', async () => {
    const { session } = await connect(glance);
    await Promise.all([
      pagesOf(session, images),
      pagesOf(session, images),
      session.endpoint({ type: 'network' }, signal),
    ]);
    expect(cloud.tokens).toHaveLength(1);
    expect(JSON.parse(cloud.requests[0]?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'ceilometer', domain: { name: 'Default' }, password } },
        },
        scope: { project: { name: 'service', domain: { name: 'Default' } } },
      },
    });
  });

  it('are renewed if one is revoked between two pages, and the same page is requested again', async () => {
    const { session } = await connect(glance);
    const ids: unknown[] = [];
    for await (const page of session.list(images, signal)) {
      ids.push(...page.map((image) => image['id']));
      if (ids.length === 3) cloud.revoke();
    }
    expect(new Set(ids).size).toBe(6);
    expect(cloud.lines().filter((line) => line === second)).toHaveLength(2);
    expect(cloud.tokens).toHaveLength(2);
  });

  it('are renewed once if several requests are refused at the same time', async () => {
    const { session } = await connect(glance);
    await session.endpoint({ type: 'image' }, signal);
    cloud.revoke();
    await Promise.all(Array.from({ length: 5 }, () => pagesOf(session, images)));
    expect(cloud.tokens).toHaveLength(2);
  });

  it('are not renewed again if a service refuses the new one as well', async () => {
    const { session } = await connect(glance);
    const refused = says(401, recording('glance.images.bad-token').response.body, {
      'x-openstack-request-id': 'req-2',
    });
    cloud.interrupt('GET /v2/images?limit=3', refused, refused);
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_AUTH',
      service: 'image',
      status: 401,
      requestId: 'req-2',
    });
    expect(cloud.tokens).toHaveLength(2);
    // It continues when the service recovers.
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('are renewed before they expire', async () => {
    const { session } = await connect(glance);
    cloud.editToken = (body) =>
      body.replace(/"expires_at": "[^"]*"/, '"expires_at": "2026-11-22T22:13:58.000000Z"');
    await pagesOf(session, images);
    expect(cloud.tokens.length).toBeGreaterThan(1);
  });

  it("quote keystone's answer to a wrong password, without any secret", async () => {
    const { session } = await connect([], {
      credentials: { type: 'token', token: new Secret('wrong-token-of-mine') },
    });
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_AUTH', service: 'identity', method: 'POST', status: 401 });
    expect(String(error)).toContain('The request you have made requires authentication.');
    expect(allOf(error)).not.toContain('wrong-token-of-mine');
  });

  it.each([
    ['no token', says(201, '{"token": {}}', { 'x-subject-token': 't' })],
    ['no header', says(201, recording('keystone.auth.tokens.password-project-scoped').response.body)],
    ['text that is not JSON', says(201, '{"token"', { 'x-subject-token': 't' })],
  ])('are refused if a login returns %s', async (_, answer) => {
    const { session } = await connect([]);
    cloud.interrupt('POST /v3/auth/tokens', answer);
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      service: 'identity',
    });
    expect((await session.endpoint({ type: 'image' }, signal)).startsWith('http')).toBe(true);
  });

  it('appear in no error or log, nor does any other secret, whatever the services return', async () => {
    const { session, logged } = await connect(glance);
    await session.endpoint({ type: 'image' }, signal);
    const spoken = JSON.stringify({ error: { message: `token ${cloud.tokens[0]} of ${password}` } });
    cloud.interrupt('GET /v2/images?limit=3', says(503, spoken), says(400, spoken));
    const errors = [await failureOf(pagesOf(session, images))];
    cloud.interrupt('GET /v2/images?limit=3', says(200, `{"images": ${cloud.tokens[0]}`));
    errors.push(await failureOf(pagesOf(session, images)));
    cloud.interrupt('GET /v2/images?limit=3', ...Array.from({ length: 20 }, () => resets));
    errors.push(await failureOf(pagesOf(session, images)));
    expect(errors.map((error) => (error as { code: string }).code)).toEqual([
      'OPENSTACK_HTTP',
      'OPENSTACK_ANSWER',
      'OPENSTACK_UNAVAILABLE',
    ]);
    expect(logged.length).toBeGreaterThan(0);
    const text = [...errors, ...logged, session, configOf(cloud)].map(allOf).join('\n');
    for (const token of cloud.tokens) expect(text).not.toContain(token);
    expect(text).not.toContain('pa$$w');
  });
});

describe('a token that a service quotes', () => {
  const fernet = `gAAAAABn${'Zk3_x-9'.repeat(25)}==`;

  it('when it refuses it is in no log and no error, even if several ask and a new one was issued meanwhile', async () => {
    const { session, logged } = await connect(glance);
    // Each is refused once with the token of its request, quoted in the body and in the headers.
    cloud.always('glance', (request, response) => {
      const token = String(request.headers['x-auth-token']);
      const body = { error: { message: `The token ${token} (${encodeURIComponent(token)}) is revoked` } };
      response
        .writeHead(401, { 'x-openstack-request-id': `req-${token}`, 'content-type': `text/${token}` })
        .end(JSON.stringify(body));
    });
    const asked = Array.from({ length: 6 }, () => failureOf(pagesOf(session, images)));
    const errors = await Promise.all(asked);
    expect(cloud.tokens.length).toBeGreaterThan(1);
    const text = [...errors, ...logged].map(allOf).join('\n');
    for (const token of cloud.tokens) expect(text).not.toContain(token);
    expect(String(errors[0])).toContain('The token [secret]');
  });

  it('is hidden in a link, in an address and in a redirection', async () => {
    const { session } = await connect(glance);
    await session.endpoint({ type: 'image' }, signal);
    const [token = ''] = cloud.tokens;
    const next = `/v2/images?marker=${token}`;
    cloud.interrupt('GET /v2/images?limit=3', says(200, JSON.stringify({ images: [{ id: 'a' }], next })));
    cloud.interrupt(`GET ${next}`, says(500, '{}'));
    const errors = [await failureOf(pagesOf(session, images))];
    cloud.interrupt('GET /v2/images?limit=3', says(302, '', { location: `http://x/${token}` }));
    errors.push(await failureOf(pagesOf(session, images)));
    for (const error of errors) expect(allOf(error)).not.toContain(token);
    expect(errors.map((error) => (error as { status: number }).status)).toEqual([500, 302]);
    expect(session.hide(`{"id":"${token}"}`)).toBe('{"id":"[secret]"}');
  });

  it.each([
    ['a Fernet token', fernet],
    ['a part of one', fernet.slice(0, 60)],
    ['a JWS', `eyJ${'a1_-'.repeat(10)}.eyJ${'b2'.repeat(20)}.${'c3-_'.repeat(20)}`],
    ['any long text', '0123456789abcdef'.repeat(5)],
  ])("is hidden because of its form although it is another client's: %s", async (_, token) => {
    const { session } = await connect(glance);
    cloud.interrupt(
      'GET /v2/images?limit=3',
      says(400, JSON.stringify({ error: { message: `no ${token}, sorry` } })),
    );
    expect(String(await failureOf(pagesOf(session, images)))).toContain('no [secret], sorry');
  });
});
