/** `node signed-bodies.mjs '{"messages":…,"secret":…,"samples":…,"file":…}'`: writes the bodies of so many signed samples. */
import { Secret } from '@nephoscope/core';

import { writeBodies } from './bodies-file.mjs';
import { meteringLoad } from './metering-load.mjs';

const job = JSON.parse(process.argv[2]);
writeBodies(job.file, meteringLoad(job.messages, new Secret(job.secret), job.samples));
process.stdout.write('{}');
