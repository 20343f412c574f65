import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Logger, PluginSettings } from '@nephoscope/core';
import { z } from 'zod';

import type { BrokerUrl } from './broker-url.js';
import type { AmqpOptions } from './options.js';
import { readTlsFiles } from './tls-files.js';

type PolicyOptions = Pick<AmqpOptions, 'management' | 'tls'>;

const askTimeout = 10_000;
// For a new queue the API returns only basic facts; the rest follows with the statistics, every 5 s by default.
const timeLimit = 60_000;
const pause = 2_000;
// Limit for an answer about one queue, which is a few kilobytes.
const mostBytes = 1024 * 1024;

/** The effective policy of a queue in RabbitMQ's management API, which returns an empty definition as a list. */
const queueRules = z.object({
  policy: z.string().nullish(),
  operator_policy: z.string().nullish(),
  effective_policy_definition: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]).optional(),
});
export type QueueRules = z.output<typeof queueRules>;

const bounds = ['max-length', 'max-length-bytes'];

/**
 * Logs policies by which RabbitMQ removes confirmed messages. AMQP does not show them, so they are queried at the
 * management API if the operator configured it.
 */
export class Policies {
  readonly #options: PolicyOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** What was last logged for each queue. */
  readonly #logged = new Map<string, string>();

  constructor({ options, logger, clock }: PluginSettings<PolicyOptions>) {
    this.#options = options;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Never rejects: an unavailable management API stops nothing. */
  async look(queue: string, broker: BrokerUrl, signal: AbortSignal): Promise<void> {
    const { management } = this.#options;
    try {
      if (management === undefined) {
        const how =
          'name its management API in `bus.management`, or run `rabbitmqctl list_queues name effective_policy_definition`';
        this.#logOnce(
          'info',
          '',
          { queue },
          `it is not known whether a RabbitMQ policy removes waiting messages: ${how}`,
        );
        return;
      }
      const rules = await this.#rulesOf(management, queue, broker, signal);
      const harm = harmOf(rules);
      const policy = [rules.policy, rules.operator_policy].filter(Boolean).join(' and ');
      if (harm.length === 0)
        this.#logOnce('info', queue, { queue }, `no RabbitMQ policy removes messages waiting in queue '${queue}'`);
      else
        this.#logOnce(
          'warn',
          queue,
          { queue, policy },
          `policy '${policy}' of RabbitMQ: ${harm.join('; ')}. Samples in queue '${queue}' can be lost although they were confirmed: set a policy ` +
            'of higher priority for our queues (docs/architecture.md, "Broker policies")',
        );
    } catch (error) {
      if (signal.aborted) return;
      this.#logOnce(
        'warn',
        queue,
        { queue, err: error },
        `the policies of queue '${queue}' cannot be read: ${describeError(error)}`,
      );
    }
  }

  async #rulesOf(management: string, queue: string, broker: BrokerUrl, signal: AbortSignal): Promise<QueueRules> {
    for (let waited = 0; ; waited += pause) {
      const rules = await ask(management, queue, broker, this.#options, signal);
      if (rules.effective_policy_definition !== undefined) return rules;
      if (waited >= timeLimit)
        throw new NephoscopeError(
          'BUS_MANAGEMENT',
          'the management API does not report queue policies; are its statistics disabled?',
        );
      await this.#clock.sleep(pause, signal);
    }
  }

  #logOnce(level: 'info' | 'warn', about: string, fields: Readonly<Record<string, unknown>>, text: string): void {
    if (this.#logged.get(about) === text) return;
    this.#logged.set(about, text);
    this.#logger[level](fields, text);
  }
}

/** What a policy does to waiting messages, in words. */
export function harmOf({ effective_policy_definition: rules }: QueueRules): readonly string[] {
  if (rules === undefined || Array.isArray(rules)) return [];
  const harm: string[] = [];
  const { expires, overflow, 'message-ttl': ttl } = rules;
  if (ttl !== undefined) harm.push(`messages expire after ${String(ttl)} ms (message-ttl)`);
  if (expires !== undefined)
    harm.push(
      `the queue is deleted with all that it holds after ${String(expires)} ms without a consumer (expires)`,
    );
  if (overflow !== 'reject-publish' && overflow !== 'reject-publish-dlx')
    for (const bound of bounds)
      if (rules[bound] !== undefined)
        harm.push(`beyond ${String(rules[bound])} the oldest are dropped (${bound})`);
  return harm;
}

/** @throws BUS_MANAGEMENT */
async function ask(
  management: string,
  queue: string,
  broker: BrokerUrl,
  options: PolicyOptions,
  signal: AbortSignal,
): Promise<QueueRules> {
  const path = `api/queues/${encodeURIComponent(broker.vhost)}/${encodeURIComponent(queue)}`;
  const url = new URL(path, management.endsWith('/') ? management : `${management}/`);
  const secure = url.protocol === 'https:';
  const send = secure ? httpsRequest : httpRequest;
  const tls = secure ? await readTlsFiles(options.tls) : {};
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      send(url, {
        ...tls,
        agent: false,
        auth: `${broker.username}:${broker.password.reveal()}`,
        headers: { accept: 'application/json' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(askTimeout)]),
      })
        .on('response', resolve)
        .on('error', reject)
        .end();
    });
    if (response.statusCode !== 200) {
      response.resume();
      throw new NephoscopeError('BUS_MANAGEMENT', adviceOf(response.statusCode));
    }
    return queueRules.parse(JSON.parse(await textOf(response)));
  } catch (error) {
    if (error instanceof NephoscopeError) throw error;
    throw new NephoscopeError('BUS_MANAGEMENT', `${url.origin} does not answer as RabbitMQ's management API`, {
      cause: error,
    });
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function adviceOf(status: number | undefined): string {
  if (status === 401) return 'the management API refuses the user: `rabbitmqctl set_user_tags USER management`';
  return `the management API answers with status ${String(status)}`;
}
