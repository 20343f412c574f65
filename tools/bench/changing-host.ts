import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { startLibvirtd } from '../testbed/libvirtd.js';
import { environment } from '../testbed/processes.js';
import { domainXml, novaMetadataXml } from './hosts.js';
import type { MeasuredHost } from './hosts.js';

export interface ChangingHost extends MeasuredHost {
  /** Ends the oldest instance and starts another one, this many times. */
  replace(count: number): Promise<void>;
}

/** The marker that virsh prints between two groups of commands. */
const done = 'done';

/**
 * Domains of libvirt's test driver that come and go. One virsh stays connected, because they disappear with the last
 * connection.
 */
export async function startChangingHost(instances: number): Promise<ChangingHost> {
  const libvirtd = await startLibvirtd();
  const uri = (socket: string) => `test+unix:///default?socket=${socket}`;
  const virsh = spawn('virsh', ['--quiet', '--connect', uri(libvirtd.socket)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment,
    detached: true,
  });
  let words = '';
  virsh.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-2_048)));
  const lines = createInterface({ input: virsh.stdout });
  const running: string[] = [];
  let started = 0;

  /** @throws Error with virsh's message */
  async function execute(commands: readonly string[]): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.endsWith(done)) resolve();
      });
      virsh.once('close', () => reject(new Error(`virsh has ended: ${words}`)));
    });
    virsh.stdin.write([...commands, `echo ${done}`, ''].join('\n'));
    await answered.finally(() => {
      lines.removeAllListeners('line');
      virsh.removeAllListeners('close');
    });
    if (words !== '') throw new Error(`virsh: ${words}`);
  }

  async function start(count: number): Promise<void> {
    const files: string[] = [];
    for (let number = 0; number < count; number++) {
      const { name, xml } = domainXml(started, novaMetadataXml(started));
      started += 1;
      const file = join(libvirtd.directory, `${name}.xml`);
      await writeFile(file, xml);
      files.push(file);
      running.push(name);
    }
    await execute(files.map((file) => `create ${file}`));
    for (const file of files) await rm(file);
  }

  async function stop(): Promise<void> {
    virsh.stdin.end();
    if (virsh.exitCode === null && virsh.signalCode === null) await once(virsh, 'exit');
    await libvirtd.stop();
  }

  try {
    // The driver has one domain from the beginning.
    await execute(['destroy test']);
    await start(instances);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    uri: uri(libvirtd.socketReadOnly),
    instances,
    async replace(count) {
      await execute(running.splice(0, count).map((name) => `destroy ${name}`));
      await start(count);
    },
    stop,
  };
}
