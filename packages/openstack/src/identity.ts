import { orAborted } from '@nephoscope/async';
import { Secret } from '@nephoscope/core/options';

import { jsonOf, refusal, saidIn } from './answers.js';
import { Catalogue } from './catalogue.js';
import type { CloudConfig, Credentials, Named, Scope } from './cloud-config.js';
import { within } from './deadline.js';
import { OpenStackError } from './errors.js';
import { fieldOf, textOf } from './json.js';
import type { JsonValue } from './json.js';
import type { Redaction } from './redaction.js';
import type { Logger } from './logger.js';
import type { Transport } from './transport.js';
import { joinUrl } from './urls.js';

export interface Token {
  readonly secret: Secret;
  readonly catalogue: Catalogue;
  /** On the monotonic clock, ms: the service's clock may differ. */
  readonly expires: number;
  /** A new one is got from then on. */
  renew: number;
}

/** A login in progress. It continues as long as a request waits for it. */
interface Login {
  readonly done: Promise<Token>;
  readonly over: AbortController;
  waiting: number;
}

/** A token is renewed this long before it expires, ms, but in the last tenth of its life at the earliest. */
const longestMargin = 60_000;
/**
 * How long a request waits for a new token while the current one is still valid, and the pause until the next attempt,
 * ms.
 */
const renewalWait = 5_000;
const renewalPause = 15_000;

/** Logs in to keystone (v3), and again when the token is about to expire or was revoked. */
export class Identity {
  readonly #config: CloudConfig;
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #redaction: Redaction;
  #token: Token | undefined;
  /** The login under way, which all that need a token wait for. */
  #login: Login | undefined;

  /** @param redaction receives each token */
  constructor(config: CloudConfig, transport: Transport, logger: Logger, redaction: Redaction) {
    this.#config = config;
    this.#redaction = redaction;
    this.#transport = transport;
    this.#logger = logger;
  }

  /**
   * A token that is presumably valid.
   *
   * @throws OPENSTACK_AUTH when keystone refuses to give one; what the transport throws; the signal's reason
   */
  async token(signal: AbortSignal): Promise<Token> {
    signal.throwIfAborted();
    const present = this.#token;
    const now = performance.now();
    if (present === undefined || now >= present.expires) return this.#newToken(signal);
    if (now < present.renew) return present;
    try {
      const late = new OpenStackError('OPENSTACK_UNAVAILABLE', `no new token within ${renewalWait / 1_000} s`);
      return await within(renewalWait, late, [signal], (inTime) => this.#newToken(inTime));
    } catch (error) {
      signal.throwIfAborted();
      if (this.#token !== present || performance.now() >= present.expires) throw error;
      present.renew = performance.now() + renewalPause;
      this.#logger.warn({ err: error }, 'no new token could be got; the present one is used until it expires');
      return present;
    }
  }

  async #newToken(signal: AbortSignal): Promise<Token> {
    const login = (this.#login ??= this.#start());
    login.waiting += 1;
    try {
      return await orAborted(login.done, signal);
    } finally {
      login.waiting -= 1;
      if (login.waiting === 0) this.#end(login);
    }
  }

  #start(): Login {
    const over = new AbortController();
    const login: Login = { done: this.#logIn(over.signal), over, waiting: 0 };
    login.done.catch(() => undefined).finally(() => this.#end(login));
    return login;
  }

  #end(login: Login): void {
    if (this.#login === login) this.#login = undefined;
    login.over.abort(new OpenStackError('OPENSTACK_UNAVAILABLE', 'the token is no longer needed'));
  }

  /** A service refused the token: the next request gets another. */
  forget(token: Token): void {
    if (this.#token === token) this.#token = undefined;
  }

  async #logIn(signal: AbortSignal): Promise<Token> {
    const { authUrl, credentials, scope } = this.#config;
    const answer = await this.#transport.send(
      {
        service: 'identity',
        method: 'POST',
        url: joinUrl(authUrl, '/v3/auth/tokens'),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ auth: { identity: identityOf(credentials), ...scopeOf(credentials, scope) } }),
      },
      signal,
    );
    const { context, status, headers } = answer;
    if (status === 401) {
      const said = saidIn(answer, this.#redaction);
      throw new OpenStackError(
        'OPENSTACK_AUTH',
        `keystone refuses the login: check user, password or secret, and domains and project${said === '' ? '' : `: ${said}`}`,
        { context },
      );
    }
    if (status === 404)
      throw new OpenStackError('OPENSTACK_AUTH', 'there is no keystone v3 at that address: check authUrl', {
        context,
      });
    if (status !== 200 && status !== 201) throw refusal(answer, this.#redaction);

    const token = fieldOf(jsonOf(answer), 'token');
    const secret = headers['x-subject-token'];
    const life = lifeOf(token);
    if (secret === undefined || secret === '' || life === undefined)
      throw new OpenStackError('OPENSTACK_ANSWER', 'keystone gave no token, or none with a time of expiry', {
        context,
      });
    const now = performance.now();
    this.#redaction.addToken(secret, now + life);
    this.#token = {
      secret: new Secret(secret),
      catalogue: new Catalogue(fieldOf(token, 'catalog')),
      expires: now + life,
      renew: now + life - Math.min(longestMargin, life / 10),
    };
    this.#logger.debug(
      { requestId: context.requestId, expiresIn: Math.round(life / 1_000) },
      'logged in to keystone',
    );
    return this.#token;
  }
}

/** ms. Relative to keystone's own time of issue, so the local clock does not matter. */
function lifeOf(token: JsonValue | undefined): number | undefined {
  const issued = Date.parse(textOf(token, 'issued_at') ?? '');
  const expires = Date.parse(textOf(token, 'expires_at') ?? '');
  return Number.isNaN(issued) || Number.isNaN(expires) ? undefined : Math.max(0, expires - issued);
}

export function secretOf(credentials: Credentials): Secret {
  switch (credentials.type) {
    case 'password':
      return credentials.password;
    case 'applicationCredential':
      return credentials.secret;
    case 'token':
      return credentials.token;
  }
}

function identityOf(credentials: Credentials): object {
  switch (credentials.type) {
    case 'password':
      return {
        methods: ['password'],
        password: { user: { ...named(credentials.user), password: credentials.password.reveal() } },
      };
    case 'applicationCredential': {
      const { credential, secret } = credentials;
      const which =
        'id' in credential ? { id: credential.id } : { name: credential.name, user: named(credential.user) };
      return {
        methods: ['application_credential'],
        application_credential: { ...which, secret: secret.reveal() },
      };
    }
    case 'token':
      return { methods: ['token'], token: { id: credentials.token.reveal() } };
  }
}

/** An application credential has its own scope; keystone accepts no other with it. */
function scopeOf(credentials: Credentials, scope: Scope): object {
  if (credentials.type === 'applicationCredential') return {};
  switch (scope.type) {
    case 'project':
      return { scope: { project: named(scope.project) } };
    case 'domain':
      return { scope: { domain: scope.domain } };
    case 'system':
      return { scope: { system: { all: true } } };
    case 'unscoped':
      return {};
  }
}

function named(one: Named): object {
  return 'id' in one ? { id: one.id } : { name: one.name, domain: one.domain };
}
