/**
 * `node measured-verify.mjs '{"secret":…,"messages":…,"samples":…}'`: reads and verifies samples from the file, in one thread.
 * Prints their number and the time, ms, without that of reading the file.
 */
import { performance } from 'node:perf_hooks';

import { KnownMessages } from '@nephoscope/collector';
import { Secret } from '@nephoscope/core/options';
import { createVerifier, meteringContentType, meteringTexts } from '@nephoscope/message';

import { readMessages } from './messages-file.mjs';

const job = JSON.parse(process.argv[2]);
const verifier = createVerifier({ secrets: [new Secret(job.secret)] });
const messages = new KnownMessages();
let samples = 0;
let wall = 0;
let cpu = 0;
for (const { body } of readMessages(job.messages, job.samples)) {
  const usage = process.cpuUsage();
  const start = performance.now();
  for (const text of meteringTexts(body, meteringContentType)) {
    const read = messages.read(text);
    if (verifier.verify(read.message) !== 'verified') throw new Error(`not verified: ${text}`);
    messages.learn(read);
    samples += 1;
  }
  wall += performance.now() - start;
  const { user, system } = process.cpuUsage(usage);
  cpu += (user + system) / 1_000;
}
process.stdout.write(JSON.stringify({ samples, wall, cpu }));
