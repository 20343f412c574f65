import { Secret } from '@nephoscope/core/options';

import { cloud, connect, signal } from './connected.js';
import { recording, says } from './fake-cloud.js';
import { allOf, failureOf } from './support.js';

const line = 'GET /v3/auth/tokens?nocatalog';
const subject = new Secret('a-token-of-alice');
const known = recording('keystone.auth.tokens.password-project-scoped').response.body;
const unknown = JSON.stringify({
  error: { code: 404, message: 'Could not find token: a-token-of-alice.', title: 'Not Found' },
});

describe('tokens of other users', () => {
  it("are sent to keystone with the session's own token, and its facts are returned", async () => {
    const { session } = await connect([]);
    cloud.interrupt(line, says(200, known));
    expect(await session.validate(subject, signal)).toMatchObject({
      project: { name: 'service' },
      user: { domain: { id: 'default' } },
      roles: expect.arrayContaining([expect.objectContaining({ name: 'admin' })]),
    });
    expect(cloud.requests.at(-1)).toMatchObject({
      line,
      token: cloud.tokens[0],
      headers: { 'x-subject-token': subject.reveal() },
    });
  });

  it('that keystone does not know are undefined', async () => {
    const { session } = await connect([]);
    cloud.interrupt(line, says(404, unknown));
    expect(await session.validate(subject, signal)).toBeUndefined();
  });

  it("are sent again with a new token if the session's own one was refused", async () => {
    const { session } = await connect([]);
    cloud.interrupt(line, says(401, '{}'), says(200, known));
    expect(await session.validate(subject, signal)).toBeDefined();
    expect(cloud.tokens).toHaveLength(2);
  });

  it.each([
    ['a user without permission to validate them', 403, unknown, { code: 'OPENSTACK_HTTP', status: 403 }],
    ['an error', 500, unknown, { code: 'OPENSTACK_HTTP', status: 500 }],
    ['a response without a token', 200, '{}', { code: 'OPENSTACK_ANSWER' }],
    ['a response that is not JSON', 200, 'a-token-of-alice', { code: 'OPENSTACK_ANSWER' }],
  ])('cause an error on %s, without the token in any text', async (_, status, body, expected) => {
    const { session, logged } = await connect([]);
    cloud.interrupt(line, says(status, body));
    const error = await failureOf(session.validate(subject, signal));
    expect(error).toMatchObject(expected);
    expect(`${allOf(error)} ${allOf(logged)}`).not.toContain(subject.reveal());
  });

  it('cause an error in time if keystone is unavailable, without the token in any text', async () => {
    const { session, logged } = await connect([]);
    await session.endpoint({ type: 'image' }, signal);
    await cloud.stop();
    const error = await failureOf(session.validate(subject, signal));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    expect(`${allOf(error)} ${allOf(logged)}`).not.toContain(subject.reveal());
  });
});
