import { collectorProgram } from '@nephoscope/collector';
import { NephoscopeError } from '@nephoscope/core';
import type { DeadLetter, MessageBus } from '@nephoscope/core/message-bus';
import { meteringTopology } from '@nephoscope/message';
import { configure } from '@nephoscope/runtime';
import type { ProgramDefinition } from '@nephoscope/runtime';
import { Command } from 'commander';

import { configOption, readConfiguration } from '../configuration.js';
import { readDeadLetters, settleDeadLetters } from '../dead-letter-sweeps.js';
import type { DeadLetterFilter } from '../dead-letter-sweeps.js';
import { deadLetterLine, describeDeadLetter, publisherOf, uncompressed } from '../dead-letter-text.js';
import { withBus } from '../open-bus.js';
import { print, printNote } from '../output.js';
import { installedPlugins, wholeProgram } from '../program.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { countOption } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';
import { formatTable } from '../text/table.js';

const { bus, host, log } = collectorProgram.sections;

/** The configuration needed for reading dead letters. */
const reader = {
  name: wholeProgram.name,
  directory: wholeProgram.directory,
  sections: { bus, host, log },
  chosen: { bus: 'bus' },
  selected: {},
} as const satisfies ProgramDefinition;

const tableLimit = 50;

interface CommonOptions {
  readonly config?: string;
  readonly limit?: number;
}

export function deadLettersCommand(): Command {
  return new Command('dead-letters')
    .summary('show, replay or drop what could not be taken')
    .description(
      'Goes through the dead letters: messages that a collector set aside, with its reason, because taking them again would not have helped.',
    )
    .addCommand(listCommand())
    .addCommand(replayCommand())
    .addCommand(dropCommand())
    .addHelpText(
      'after',
      `
Dead letters of the queue 'metering' are in the queue 'metering.dead' of the broker, and so on. These commands work
while collectors run, and declare nothing. The dead letters that they hold are invisible to others until they end. If one is
killed, the broker gets all of them back, possibly in another order.

Examples:
  nephoscope dead-letters list
  nephoscope dead-letters replay --reason signature-wrong     after the secret was added
  nephoscope dead-letters drop --reason unreadable --limit 10`,
    );
}

function listCommand(): Command {
  return withCommonOptions(
    new Command('list'),
    `at most this many (default: ${tableLimit} in a table, all with --json)`,
  )
    .summary('show them')
    .description('Shows dead letters, the newest at the end. They stay where they are.')
    .option('--oldest', 'with a limit, the oldest instead of the newest')
    .option(
      '--json',
      'each as one line of JSON with its whole body: `body`, or `body_base64` where it is no UTF-8',
    )
    .addHelpText(
      'after',
      `
CONTENT is what the body says about itself, such as meter, resource and message id, and PUBLISHER who it says has sent
it; nobody has checked that.

Examples:
  nephoscope dead-letters list
  nephoscope dead-letters list nephoscope.notifications --limit 10 --oldest
  nephoscope dead-letters list --json > metering-dead.jsonl`,
    )
    .action((queue: string, options: CommonOptions & { oldest?: true; json?: true }) =>
      runCommand((signal) =>
        withConfiguredBus(options, signal, async (messageBus) => {
          const { oldest, json } = options;
          const limit = options.limit ?? (json === true ? undefined : tableLimit);
          if (json === true && limit === undefined) return printLines(messageBus, queue, signal);
          const deadLetters = await withSignsOfLife(
            (seconds) => `Going through the dead letters … ${seconds} s`,
            readDeadLetters(messageBus, queue, { limit, oldest }, signal),
          );
          if (json === true)
            for (const deadLetter of deadLetters) await print(`${await deadLetterLine(deadLetter)}\n`);
          else await printTable(deadLetters, queue, options.limit === undefined);
        }),
      ),
    );
}

function replayCommand(): Command {
  return withCommonOptions(new Command('replay'), 'at most this many, the oldest first')
    .summary('send them to their queue again')
    .description(
      'Returns dead letters to the queue they came from, to be processed as new. Each is removed from the dead letters only after the queue has confirmed it.',
    )
    .option('--reason <text>', 'only those whose reason contains this')
    .addHelpText(
      'after',
      `
A dead letter that is still faulty returns to the dead letters. A sample that was recorded meanwhile is not
recorded twice. If the command is interrupted, a dead letter may be in both queues, which does no harm.

Examples:
  nephoscope dead-letters replay --limit 1
  nephoscope dead-letters replay
  nephoscope dead-letters replay nephoscope.notifications --reason NOTIFICATION_FIELD`,
    )
    .action((queue: string, options: CommonOptions & DeadLetterFilter) =>
      runCommand((signal) => settle(queue, 'replay', options, signal)),
    );
}

function dropCommand(): Command {
  return withCommonOptions(new Command('drop'), 'at most this many, the oldest first')
    .summary('delete them for ever')
    .description('Deletes dead letters for ever: those that are named by --reason or --limit, or --all.')
    .option('--reason <text>', 'only those whose reason contains this')
    .option('--all', 'all of them; needs --yes')
    .option('--yes', 'with --all: yes, all')
    .addHelpText(
      'after',
      `
Examples:
  nephoscope dead-letters list --json > dropped.jsonl && nephoscope dead-letters drop --all --yes
  nephoscope dead-letters drop --reason unreadable`,
    )
    .action((queue: string, options: CommonOptions & DeadLetterFilter & { all?: true; yes?: true }) =>
      runCommand(async (signal) => {
        checkMeant(options);
        await settle(queue, 'drop', options, signal);
      }),
    );
}

function withCommonOptions(command: Command, limited: string): Command {
  return command
    .argument('[queue]', 'the queue that they were set aside from', meteringTopology.queue)
    .option(...configOption)
    .option('--limit <n>', limited, countOption);
}

function checkMeant({ reason, limit, all, yes }: DeadLetterFilter & { all?: true; yes?: true }): void {
  const isFiltered = reason !== undefined || limit !== undefined;
  const wrong =
    all === true && isFiltered
      ? 'choose: --all, or some by --reason and --limit'
      : all === true && yes !== true
        ? "all would be deleted for ever: look at them with 'dead-letters list', then say --all --yes"
        : all !== true && !isFiltered
          ? 'say which: --reason <text>, --limit <n>, or --all --yes'
          : undefined;
  if (wrong !== undefined) throw new NephoscopeError('DROP_UNCLEAR', `nothing was dropped: ${wrong}`);
}

async function withConfiguredBus(
  { config: path }: CommonOptions,
  signal: AbortSignal,
  use: (messageBus: MessageBus) => Promise<void>,
): Promise<void> {
  const configured = await configure(reader, await readConfiguration(path), installedPlugins());
  const inProcess = 'its program: its dead letters are in the log of that program only';
  await withBus(configured, inProcess, signal, use);
}

async function settle(
  queue: string,
  verdict: 'replay' | 'drop',
  options: CommonOptions & DeadLetterFilter,
  signal: AbortSignal,
): Promise<void> {
  const done = verdict === 'replay' ? 'replayed' : 'dropped';
  const progress = { seen: 0, matching: 0 };
  const line = () => `${digits(progress.seen)} looked at, ${digits(progress.matching)} ${done} …`;
  await withConfiguredBus(options, signal, async (messageBus) => {
    try {
      const work = settleDeadLetters(messageBus, queue, verdict, options, progress, signal);
      const { settled, left } = await withSignsOfLife(line, work);
      if (progress.seen === 0) return printNote(noneText(queue));
      if (settled === 0) printNote('No dead letter matches.');
      await print(`${digits(settled)} ${done}, ${digits(left)} left\n`);
    } catch (error) {
      if (progress.matching > 0) printNote(`It ended early: at most ${digits(progress.matching)} were ${done}.`);
      throw error;
    }
  });
}

async function printLines(messageBus: MessageBus, queue: string, signal: AbortSignal): Promise<void> {
  const show = async (deadLetter: DeadLetter) => {
    await print(`${await deadLetterLine(deadLetter)}\n`);
    return 'keep' as const;
  };
  const { keep } = await messageBus.sweepDeadLetters(queue, show, signal);
  if (keep === 0) printNote(noneText(queue));
}

async function printTable(deadLetters: readonly DeadLetter[], queue: string, limitedByUs: boolean): Promise<void> {
  if (deadLetters.length === 0) return printNote(noneText(queue));
  const columns = [
    { head: 'SET ASIDE' },
    { head: 'REASON' },
    { head: 'PUBLISHER' },
    { head: 'ROUTING KEY' },
    { head: 'BYTES', align: 'right' as const },
    { head: 'CONTENT' },
  ];
  const rows: string[][] = [];
  for (const deadLetter of deadLetters) {
    const readable = await uncompressed(deadLetter);
    rows.push([
      deadLetter.at ?? '',
      shortened(deadLetter.reason ?? '(by the broker)'),
      shortened(publisherOf(readable) ?? ''),
      deadLetter.routingKey ?? '',
      digits(deadLetter.body.byteLength),
      shortened(describeDeadLetter(readable)),
    ]);
  }
  await print(`${formatTable(columns, rows)}\n`);
  if (limitedByUs && deadLetters.length === tableLimit)
    printNote(`At most ${tableLimit} are shown; more with --limit, all with --json.`);
}

function noneText(queue: string): string {
  return `There are no dead letters of '${queue}'.`;
}

function shortened(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

function digits(count: number): string {
  return groupDigits(String(count));
}
