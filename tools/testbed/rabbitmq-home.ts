import { mkdir, readdir, readFile, realpath, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Of RabbitMQ itself; of any application those that it names are needed too. */
const server = ['rabbit', 'rabbitmq_prelaunch'];

/**
 * Makes a home for a RabbitMQ: links to its scripts, and to those of its Erlang applications that it needs. Erlang looks for each
 * module in one application's folder after the other, and 70 of them come with RabbitMQ: that is a third of the processor time
 * of a start.
 *
 * @param plugins that it has to find, too
 * @returns the folder of the scripts, for `RABBITMQ_SCRIPTS_DIR`
 */
export async function makeRabbitmqHome(home: string, plugins: readonly string[]): Promise<string> {
  const installed = dirname(dirname(await realpath('/usr/lib/rabbitmq/bin/rabbitmq-server')));
  const scripts = join(home, 'sbin');
  const applications = join(home, 'plugins');
  await mkdir(applications, { recursive: true });
  await symlink(join(installed, 'sbin'), scripts);
  // As `<name>-<version>`.
  const folders = await readdir(join(installed, 'plugins'));
  const folderOf = new Map(folders.map((folder) => [folder.slice(0, folder.lastIndexOf('-')), folder]));
  const needed = new Set([...server, ...plugins]);
  for (const name of needed) {
    const folder = folderOf.get(name);
    // Others are Erlang's own.
    if (folder === undefined) continue;
    const path = join(installed, 'plugins', folder);
    for (const other of namedIn(await readFile(join(path, 'ebin', `${name}.app`), 'utf8'))) needed.add(other);
    await symlink(path, join(applications, folder));
  }
  return scripts;
}

/** The applications that one needs, by the Erlang term that describes it. */
function namedIn(description: string): readonly string[] {
  return /\{\s*applications\s*,\s*\[([^\]]*)\]/.exec(description)?.[1]?.match(/\w+/g) ?? [];
}
