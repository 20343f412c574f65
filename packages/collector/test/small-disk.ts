import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder } from '../../agent-compute/test/daemon.js';

/** A separate file system of 8 MiB. */
export interface SmallDisk {
  readonly path: string;
  fill(): void;
  empty(): void;
  makeReadOnly(): void;
  makeWritable(): void;
}

/** Gives `use` a small disk, which is unmounted afterwards. */
export async function withSmallDisk(use: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const path = join(newFolder(), 'disk');
  mkdirSync(path);
  const remount = (how: string) => void execFileSync('mount', ['-o', `remount,${how}`, path]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', path]);
  try {
    await use({
      path,
      fill: () => void execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" 2>/dev/null || true', path]),
      empty: () => void execFileSync('rm', [join(path, 'filler')]),
      makeReadOnly: () => remount('ro'),
      makeWritable: () => remount('rw'),
    });
  } finally {
    execFileSync('umount', ['--lazy', path]);
  }
}
