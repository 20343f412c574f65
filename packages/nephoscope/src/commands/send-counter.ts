import { randomUUID } from 'node:crypto';

import { computeAgentProgram } from '@nephoscope/agent-compute';
import {
  counterTypes,
  describeError,
  formatTimestamp,
  isNephoscopeError,
  NephoscopeError,
} from '@nephoscope/core';
import type { Counter, CounterType, Metadata } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import {
  createSigner,
  encodeMeteringBatch,
  meteringContentType,
  meteringRoutingKey,
  meteringTopology,
  signMeteringMessage,
} from '@nephoscope/message';
import { signatureFormOf } from '@nephoscope/runtime';
import { configure, systemClock } from '@nephoscope/runtime';
import type { ProgramDefinition } from '@nephoscope/runtime';
import { Command, InvalidArgumentError, Option } from 'commander';

import { configOption, readConfiguration } from '../configuration.js';
import { exactMetadata, exactNumber } from '../exact-json.js';
import { withBus } from '../open-bus.js';
import { print } from '../output.js';
import { installedPlugins, wholeProgram } from '../program.js';
import { withSignsOfLife } from '../progress.js';
import { deadline, runCommand } from '../run.js';
import { momentOption } from '../sample-query.js';

interface CounterOptions {
  readonly config?: string;
  readonly name: string;
  readonly type: CounterType;
  readonly unit: string;
  readonly volume: number | bigint;
  readonly resource: string;
  readonly project?: string;
  readonly user?: string;
  readonly timestamp?: bigint;
  readonly metadata?: Metadata;
  readonly messageId?: string;
}

const { bus, secrets, source, host, log, compute } = computeAgentProgram.sections;

/** The configuration needed for sending; the section `compute` for the signature. */
const sender = {
  name: wholeProgram.name,
  directory: wholeProgram.directory,
  sections: { bus, secrets, source, host, log, compute },
  chosen: { bus: 'bus' },
  selected: {},
} as const satisfies ProgramDefinition;

const sendTime = 40_000;

export function sendCounterCommand(): Command {
  return new Command('send-counter')
    .summary('send one counter over the bus')
    .description(
      'Signs one counter, sends it over the configured bus, waits until the bus has confirmed it, and prints its message id.',
    )
    .option(...configOption)
    .requiredOption('--name <name>', 'meter, such as storage.objects')
    .addOption(new Option('--type <type>', 'kind of the meter').choices(counterTypes).default('gauge'))
    .requiredOption('--unit <unit>', "unit of the volume; '' for none")
    .requiredOption('--volume <number>', 'sent with every digit', parsed(exactNumber))
    .requiredOption('--resource <id>', 'what was measured')
    .option('--project <id>', 'whose it is')
    .option('--user <id>', 'whose it is')
    .option(
      '--timestamp <time>',
      "when it was measured: 2026-11-22T21:00:00Z, or '2h' for two hours ago (default: now)",
      momentOption,
    )
    .option('--metadata <json>', 'metadata of the resource, a JSON object', parsed(exactMetadata))
    .option(
      '--message-id <uuid>',
      'of a counter that was sent before, with the same --timestamp, and perhaps did not arrive: it is recorded once (default: a new one)',
      parsed(uuid),
    )
    .addHelpText(
      'after',
      `
The collector records it like any other. With the in-process bus of 'up' there is nothing to send to.

Examples:
  nephoscope send-counter --name rack.power --unit W --volume 3120.5 --resource rack-12
  nephoscope send-counter --name storage.bytes --unit B --volume 8292646586825371460 --resource pool-1 \\
    --project 0d8f… --timestamp 2026-11-22T21:00:00Z --metadata '{"region": "north"}'`,
    )
    .action((options: CounterOptions) => runCommand((signal) => sendCounter(options, signal)));
}

async function sendCounter(options: CounterOptions, signal: AbortSignal): Promise<void> {
  const configured = await configure(sender, await readConfiguration(options.config), installedPlugins());
  const { config } = configured;
  const messageId = options.messageId ?? randomUUID();
  const counter = counterOf(options);
  const line = signMeteringMessage(
    counter,
    // A sender without state: each run is a new publisher with one message.
    { source: config.source, messageId, publisherId: `send-counter.${config.host}/${messageId}`, sequence: 1n },
    createSigner({ secret: config.secrets[0] as Secret, form: signatureFormOf(config.compute) }),
  );
  // For one id the collector expects one sample, including its time.
  const again = `--message-id ${messageId} --timestamp ${formatTimestamp(counter.timestamp)}`;
  const message = {
    exchange: meteringTopology.exchange,
    routingKey: meteringRoutingKey(options.name),
    contentType: meteringContentType,
    body: encodeMeteringBatch([line]),
  };
  const inProcess = "this command: configure the one that a collector reads, such as 'amqp'";
  await withBus(configured, inProcess, signal, (messageBus) =>
    withSignsOfLife((seconds) => `Sending … ${seconds} s`, publish(messageBus, message, again, signal)),
  );
  await print(`${messageId}\n`);
}

async function publish(
  messageBus: MessageBus,
  message: Parameters<MessageBus['publish']>[0],
  again: string,
  signal: AbortSignal,
): Promise<void> {
  const until = deadline(signal, sendTime, 'the bus did not confirm the counter');
  await untilAborted(messageBus.declare(meteringTopology), until);
  try {
    await untilAborted(messageBus.publish(message), until);
  } catch (error) {
    if (isNephoscopeError(error, 'BUS_UNROUTABLE')) throw error;
    const why = signal.aborted ? 'interrupted' : describeError(error);
    throw new NephoscopeError(
      'SAMPLES_UNSENT',
      `the counter is not confirmed, and may still be recorded: ${why}. Repeat the command with ${again}, then it is recorded once`,
    );
  }
}

/** @throws if it is not a UUID */
function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
    throw new Error('a UUID in lower case, as the command printed it');
  return text;
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    ),
  ]);
}

function counterOf(options: CounterOptions): Counter {
  return {
    name: options.name,
    type: options.type,
    unit: options.unit,
    volume: options.volume,
    userId: options.user ?? null,
    projectId: options.project ?? null,
    resourceId: options.resource,
    timestamp: options.timestamp ?? systemClock.now(),
    resourceMetadata: options.metadata ?? {},
  };
}

/** The parser's error, in commander's form and with its exit code. */
function parsed<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(`${(error as Error).message}.`);
    }
  };
}
