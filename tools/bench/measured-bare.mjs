/**
 * `node measured-bare.mjs '{"uri":…,"url":…,"file":…,"interval":…,"meters":…}'`: the least that a metering program on Node
 * can do at an interval (s): one bulk call, a signed sample of fixed text for each instance and meter, one write to disk with
 * what they are, and one confirmed message a meter. It keeps nothing, checks nothing, and is the ceiling of `rest`.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';

import { connect as connectLibvirt } from '@nephoscope/libvirt';
import { connect } from 'amqplib';

const { uri, url, file, interval, meters } = JSON.parse(process.argv[2]);
const libvirt = await connectLibvirt(uri);
const bus = await connect(`${url}?heartbeat=60`);
const channel = await bus.createConfirmChannel();
const disk = await open(file, 'w');
// As long as that of an instance of nova's.
const metadata = JSON.stringify({ padding: 'x'.repeat(900) });

async function cycle() {
  const records = await libvirt.allDomainStats({ flags: { nowait: true } });
  const bodies = Array.from({ length: meters }, (_, meter) =>
    Buffer.from(records.map(({ domain }) => signedSample(`meter.${meter}`, domain.name)).join('\n')),
  );
  await disk.write(Buffer.concat(bodies));
  await disk.datasync();
  for (const body of bodies) channel.publish('amq.topic', 'metering.bare', body, { persistent: true });
  await channel.waitForConfirms();
}

function signedSample(meter, resource) {
  const text = `{"counter_name":"${meter}","counter_volume":1,"message_id":"${randomUUID()}","resource_id":"${resource}","resource_metadata":${metadata},"timestamp":"${new Date().toISOString()}"`;
  const signature = createHmac('sha256', 'a secret for measuring').update(text).digest('hex');
  return `${text},"message_signature":"${signature}"}`;
}

await cycle();
setInterval(() => void cycle(), interval * 1_000);
