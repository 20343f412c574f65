import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The secret of all programs here. */
export const secret = 'a secret for measuring';

/**
 * Writes the configuration of a compute agent with all its meters. Besides required options only the interval differs
 * from the defaults, for cycles that run by themselves.
 *
 * @param bus the section `bus`
 * @returns the path of the file
 */
export async function writeAgentConfiguration(
  directory: string,
  uri: string,
  bus: object,
  interval = '10m',
): Promise<string> {
  const path = join(directory, 'nephoscope.yaml');
  // JSON is YAML too.
  const configuration = {
    secrets: [secret],
    host: 'compute-1',
    bus,
    inspector: { type: 'libvirt', uri },
    compute: { interval, stateDirectory: join(directory, 'state') },
    status: { port: 0 },
    log: { level: 'info' },
  };
  await writeFile(path, JSON.stringify(configuration));
  return path;
}
