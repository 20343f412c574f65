import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const secret = 'a secret for the chaos test';

/** Times short enough that a fault of some seconds is noticed while it lasts. */
const bus = (url: string) => ({ type: 'amqp', url, heartbeat: '2s' });

/** @returns the path of the file */
export async function writeAgentConfiguration(
  directory: string,
  settings: {
    readonly host: string;
    readonly url: string;
    readonly uri: string;
    readonly stateDirectory: string;
    readonly statusPort: number;
  },
): Promise<string> {
  return write(directory, settings.host, {
    secrets: [secret],
    host: settings.host,
    bus: bus(settings.url),
    inspector: { type: 'libvirt', uri: settings.uri },
    compute: { interval: '1s', timeout: '5s', stateDirectory: settings.stateDirectory },
    status: { port: settings.statusPort },
  });
}

/** @returns the path of the file */
export async function writeCollectorConfiguration(
  directory: string,
  settings: { readonly host: string; readonly url: string; readonly store: string; readonly statusPort: number },
): Promise<string> {
  return write(directory, settings.host, {
    secrets: [secret],
    host: settings.host,
    bus: bus(settings.url),
    storage: { type: 'sql', url: settings.store },
    status: { port: settings.statusPort },
  });
}

/**
 * The configuration of a central agent whose cloud is never reachable, because only its lock is tested.
 *
 * @returns the path of the file
 */
export async function writeCentralConfiguration(
  directory: string,
  settings: { readonly host: string; readonly url: string; readonly statusPort: number },
): Promise<string> {
  return write(directory, settings.host, {
    secrets: [secret],
    host: settings.host,
    bus: bus(settings.url),
    openstack: {
      ...{ authUrl: 'http://127.0.0.1:1/v3', username: 'chaos', password: 'chaos', projectName: 'chaos' },
      ...{ userDomainName: 'Default', projectDomainName: 'Default' },
    },
    central: { interval: '5s', timeout: '2s', enabled: ['image'] },
    status: { port: settings.statusPort },
  });
}

async function write(directory: string, name: string, configuration: object): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${name}.yaml`);
  // JSON is YAML too.
  await writeFile(path, JSON.stringify(configuration, undefined, 2));
  return path;
}
