/**
 * `node signed-messages.mjs '{"captured":…,"secret":…,"samples":…,"file":…}'`: writes messages with that many signed samples, and
 * prints the time, ms.
 */
import { Secret } from '@nephoscope/core/options';

import { writeMessages } from './messages-file.mjs';
import { meteringLoad } from './metering-load.mjs';

const job = JSON.parse(process.argv[2]);
const usage = process.cpuUsage();
writeMessages(job.file, meteringLoad(job.captured, new Secret(job.secret), job.samples));
const { user, system } = process.cpuUsage(usage);
process.stdout.write(JSON.stringify({ cpu: (user + system) / 1_000 }));
