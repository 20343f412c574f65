import { TokenStore, apiProgram } from '@nephoscope/api';
import type { TokenRecord } from '@nephoscope/api';
import { NephoscopeError } from '@nephoscope/core';
import { commonSections, configure } from '@nephoscope/runtime';
import type { ProgramDefinition } from '@nephoscope/runtime';
import { Command, InvalidArgumentError } from 'commander';

import { configOption, readConfiguration } from '../configuration.js';
import { print, printNote } from '../output.js';
import { installedPlugins, wholeProgram } from '../program.js';
import { runCommand } from '../run.js';
import { formatTable } from '../text/table.js';

const sections = {
  ...commonSections,
  secrets: commonSections.secrets.optional(),
  api: apiProgram.sections.api,
};

/** The sections needed to find the tokens. Mistakes in other sections are ignored. */
const api = {
  name: wholeProgram.name,
  directory: wholeProgram.directory,
  sections,
  chosen: {},
  selected: {},
} as const satisfies ProgramDefinition<typeof sections>;

export function tokensCommand(): Command {
  return new Command('tokens')
    .summary('make, list and revoke tokens for the HTTP API')
    .description(
      'Makes, lists and revokes tokens for the HTTP API, for those who have none of keystone. They are kept in api.access.directory, without the tokens themselves.',
    )
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

interface CreateOptions {
  readonly config?: string;
  readonly project?: string;
  readonly all?: true;
  readonly mayPost?: true;
  readonly expires?: Date | 'never';
}

function createCommand(): Command {
  return new Command('create')
    .summary('make one, and print it this once')
    .description('Makes a token and prints it. It is kept nowhere and cannot be printed again.')
    .argument('<name>', 'who it is for, as the audit log names it')
    .option(...configOption)
    .option('--project <id>', 'sees the samples of this project')
    .option('--all', 'sees everything')
    .option('--may-post', 'may post samples too: of the project, or of any')
    .option('--expires <span>', "'12h', '90d' or 'never' (default: 90d)", expiryOption)
    .addHelpText(
      'after',
      `
Examples:
  nephoscope tokens create billing --all
  nephoscope tokens create 'shop, dashboard' --project 0d8f… --expires 365d
  curl -H "Authorization: Bearer $(nephoscope tokens create try --all --expires 1h)" http://127.0.0.1:8777/v2/meters`,
    )
    .action((name: string, options: CreateOptions) =>
      runCommand(async () => {
        const { project, all, mayPost, expires = expiryOption('90d') } = options;
        if ((project === undefined) === (all === undefined))
          throw new NephoscopeError('TOKEN_INVALID', 'say what it sees: --project ID, or --all');
        const store = await storeOf(options.config);
        const { token, record } = await store.create({
          name,
          expires: expires === 'never' ? null : expires,
          scope: project === undefined ? 'all' : { project },
          role: mayPost === undefined ? 'reader' : project === undefined ? 'admin' : 'member',
        });
        printNote(`The token '${name}' ${endOf(record)}. This is the only time that it is shown:`);
        await print(`${token.reveal()}\n`);
      }),
    );
}

const columns = ['NAME', 'ID', 'SEES', 'ROLE', 'CREATED', 'EXPIRES'].map((head) => ({ head }));

function listCommand(): Command {
  return new Command('list')
    .summary('list them')
    .description('Lists the tokens, also those that have expired. None of them can be used with what is shown.')
    .option(...configOption)
    .option('--json', 'each token as one line of JSON')
    .addHelpText(
      'after',
      `
Example:
  nephoscope tokens list`,
    )
    .action(({ config, json }: { config?: string; json?: true }) =>
      runCommand(async () => {
        const found = await (await storeOf(config)).list(({ message }) => printNote(`warning: ${message}`));
        if (json === true) {
          for (const { hash: _, ...record } of found) await print(`${JSON.stringify(record)}\n`);
        } else if (found.length === 0) {
          printNote('There are no tokens.');
        } else {
          const rows = found.map(({ name, id, scope, role, created, expires }) => [
            ...[name, id, scope === 'all' ? 'everything' : `project ${scope.project}`, role],
            ...[created.slice(0, 16), expires === null ? 'never' : expires.slice(0, 16)],
          ]);
          await print(`${formatTable(columns, rows)}\n`);
        }
      }),
    );
}

function revokeCommand(): Command {
  return new Command('revoke')
    .summary('revoke one')
    .description('Revokes a token: the next request with it is refused.')
    .argument('<name or id>', "as 'nephoscope tokens list' shows it")
    .option(...configOption)
    .addHelpText(
      'after',
      `
Example:
  nephoscope tokens revoke billing`,
    )
    .action((nameOrId: string, { config }: { config?: string }) =>
      runCommand(async () => {
        if (!(await (await storeOf(config)).revoke(nameOrId)))
          throw new NephoscopeError(
            'TOKEN_INVALID',
            `there is no token '${nameOrId}': 'nephoscope tokens list' has those there are`,
          );
        printNote(`The token '${nameOrId}' is revoked.`);
      }),
    );
}

/** @throws CONFIG_INVALID; TOKENS_UNAVAILABLE if no directory is configured */
async function storeOf(named: string | undefined): Promise<TokenStore> {
  const { config } = await configure(api, await readConfiguration(named), installedPlugins());
  const { directory } = config.api.access;
  if (directory === undefined)
    throw new NephoscopeError(
      'TOKENS_UNAVAILABLE',
      'the API takes no tokens of this kind: set api.access.directory, such as /var/lib/nephoscope/tokens',
    );
  return new TokenStore(directory);
}

function endOf({ expires }: TokenRecord): string {
  return expires === null ? 'never expires' : `expires at ${expires.slice(0, 16)} UTC`;
}

function expiryOption(text: string): Date | 'never' {
  if (text === 'never') return text;
  const [, amount, unit] = /^([1-9]\d{0,4})([hd])$/.exec(text) ?? [];
  if (amount === undefined)
    throw new InvalidArgumentError("A span is expected, such as '12h' or '90d', or 'never'.");
  return new Date(Date.now() + Number(amount) * (unit === 'h' ? 3_600_000 : 86_400_000));
}
