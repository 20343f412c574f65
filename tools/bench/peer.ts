import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('ceilometer-polling.py', import.meta.url));
const python = '/usr/bin/python3';

/** Whether Debian's packages `ceilometer-agent-compute` and `python3-libvirt`, which it only recommends, are installed. Without the second it reads nothing. */
export const isPeerThere = () =>
  ['/usr/bin/ceilometer-polling', python, '/usr/lib/python3/dist-packages/libvirt.py'].every(existsSync);

/**
 * Starts the compute agent of Debian's Ceilometer over a libvirt and a RabbitMQ, with all meters at one interval.
 *
 * @param interval seconds
 */
export async function startPeer(
  directory: string,
  { uri, amqpUrl, interval }: { readonly uri: string; readonly amqpUrl: string; readonly interval: number },
): Promise<ChildProcess> {
  await mkdir(directory, { recursive: true });
  const file = (name: string) => join(directory, name);
  await writeFile(
    file('polling.yaml'),
    `sources:\n  - name: all\n    interval: ${interval}\n    meters:\n      - "*"\n`,
  );
  await writeFile(
    file('ceilometer.conf'),
    `[DEFAULT]
transport_url = ${amqpUrl.replace('amqp:', 'rabbit:')}/
host = compute-1
libvirt_uri = ${uri}
log_file = ${file('peer.log')}
[publisher]
telemetry_secret = a secret for measuring
[polling]
cfg_file = ${file('polling.yaml')}
[compute]
instance_discovery_method = libvirt_metadata
`,
  );
  return spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      python,
      script,
      '--polling-namespaces',
      'compute',
      '--config-file',
      file('ceilometer.conf'),
    ],
    { stdio: 'ignore', detached: true },
  );
}
