import { NephoscopeError, PermanentError, describeError } from '@nephoscope/core';

import type { BrokerUrl } from './broker-url.js';

/** Why the connection to the broker failed and what to do, without the password. */
export function connectError(error: unknown, broker: BrokerUrl): NephoscopeError {
  if (error instanceof NephoscopeError) return error;
  const { code, message } = error as { code?: unknown; message: string };
  const place = broker.toString();
  const refuse = (kind: string, text: string) => new PermanentError(kind, `${place}: ${text}`, { cause: error });
  const fail = (text: string) => new NephoscopeError('BUS_UNAVAILABLE', `${place}: ${text}`, { cause: error });

  if (message.includes('ACCESS_REFUSED') || message.includes('ACCESS-REFUSED')) {
    return refuse(
      'BUS_REFUSED',
      `RabbitMQ refuses user '${broker.username}': wrong user or password, or 'guest' from another host`,
    );
  }
  // The library drops the broker's reason here; RabbitMQ has no others.
  if (message.startsWith('Expected ConnectionOpenOk')) {
    return refuse(
      'BUS_REFUSED',
      `RabbitMQ refuses the virtual host '${broker.vhost}': it does not exist (rabbitmqctl add_vhost), ` +
        `user '${broker.username}' has no permissions in it (rabbitmqctl set_permissions), or its connection limit is reached`,
    );
  }
  if (broker.tls && /CERT|SELF_SIGNED|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO/.test(String(code))) {
    return refuse(
      'BUS_TLS',
      `no trusted TLS connection: check tls.caFile, tls.certFile, tls.keyFile and the name in the broker's certificate`,
    );
  }
  switch (code) {
    case 'ECONNREFUSED':
      return fail('connection refused: is RabbitMQ running?');
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(`the host name '${broker.hostname}' cannot be resolved`);
    default:
  }
  if (message.startsWith('Socket closed abruptly') || code === 'ECONNRESET') {
    return fail(`closed during the handshake: is this the ${broker.tls ? 'TLS' : 'plain'} AMQP port?`);
  }
  return fail(`no connection (${describeError(error)})`);
}
