#!/usr/bin/env node
import { Command } from 'commander';

import { configCommand } from './commands/config.js';
import { conflictsCommand } from './commands/conflicts.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { exportCommand } from './commands/export.js';
import { importCommand } from './commands/import.js';
import { metersCommand } from './commands/meters.js';
import { pluginsCommand } from './commands/plugins.js';
import { resourcesCommand } from './commands/resources.js';
import { retentionCommand } from './commands/retention.js';
import { rollupsCommand } from './commands/rollups.js';
import { samplesCommand } from './commands/samples.js';
import { sendCounterCommand } from './commands/send-counter.js';
import { tokensCommand } from './commands/tokens.js';
import { upCommand } from './commands/up.js';
import { statisticsCommand } from './commands/statistics.js';
import { usageCommand } from './commands/usage.js';
import { verifyCommand } from './commands/verify.js';
import { version } from './program.js';

const program = new Command('nephoscope')
  .description(
    'Meters virtual machines: runs everything in one process, shows what was recorded, checks plugins, configuration and signatures.',
  )
  .version(version)
  .addHelpText(
    'after',
    `
Examples:
  nephoscope up                       meter this host, here and now
  nephoscope samples --meter cpu
  nephoscope usage --month 2026-10 --by project
  nephoscope config check
'nephoscope <command> --help' has more.`,
  );
const commands = [
  upCommand(),
  samplesCommand(),
  metersCommand(),
  resourcesCommand(),
  usageCommand(),
  statisticsCommand(),
  exportCommand(),
  importCommand(),
  conflictsCommand(),
  verifyCommand(),
  retentionCommand(),
  rollupsCommand(),
  pluginsCommand(),
  configCommand(),
  sendCounterCommand(),
  deadLettersCommand(),
  tokensCommand(),
];
program.configureOutput({
  outputError: (text, write) =>
    write(
      text.startsWith('error: unknown option')
        ? `${text.trimEnd()}: options go after the command, as in 'nephoscope samples --config FILE'\n`
        : text,
    ),
});
for (const command of commands) program.addCommand(command);
await program.parseAsync();
