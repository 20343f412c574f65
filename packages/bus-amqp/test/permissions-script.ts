import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../docs/rabbitmq-permissions.sh', import.meta.url));

/**
 * The `rabbitmqctl` commands that the script would run if these users existed: it is not run against the test's broker.
 *
 * @param args of the script
 */
export function permissionCommands(users: readonly string[], ...args: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-permissions-'));
  try {
    const [command, said] = [join(folder, 'rabbitmqctl'), join(folder, 'said')];
    writeFileSync(
      command,
      `#!/bin/sh\nif [ "$1" = list_users ]; then printf '%s\\t[]\\n' ${users.join(' ')}; exit; fi\n` +
        `for one in "$@"; do printf '%s\\n' "$one"; done >> ${said}\necho >> ${said}\n`,
    );
    chmodSync(command, 0o755);
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    execFileSync('sh', [script, ...args], { env, timeout: 10_000, stdio: 'pipe' });
    return readFileSync(said, 'utf8')
      .trimEnd()
      .split('\n\n')
      .map((text) => text.split('\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
