import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes the configuration of a deployment that lives in one directory: its database, the agent's state, and
 * the secret, made once, so that samples of earlier runs still verify.
 *
 * @returns the path of the file
 */
export async function writeConfiguration(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'nephoscope.yaml');
  // JSON strings are YAML's too, whatever the path holds.
  const text = `# Written by npm start.
secrets: [${JSON.stringify(await secret(join(directory, 'secret')))}]
bus: { type: memory }
inspector: { type: libvirt, uri: 'qemu:///system' }
storage: { type: sql, url: ${JSON.stringify(`sqlite:${join(directory, 'samples.db')}`)} }
compute: { interval: 10s, stateDirectory: ${JSON.stringify(join(directory, 'state'))} }
`;
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

async function secret(path: string): Promise<string> {
  try {
    await writeFile(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFile(path, 'utf8');
}
