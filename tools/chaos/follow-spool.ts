/**
 * `fork('follow-spool.mjs', [directory])`: keeps every segment file of an agent's spool open from the moment it is
 * there, so that what was in it is known also when the agent has removed it. Answers each message of its parent with
 * {@link SpoolTaken}. A process of its own, since it must see files that live for milliseconds.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { parseSegmentName } from '@nephoscope/agent-compute/testing';

import { readSegmentContent, takenIn } from './spool-ledger.js';
import type { SegmentContent } from './spool-ledger.js';

const directory = process.argv[2] ?? '';
const interval = 20;

interface Followed {
  readonly name: string;
  readonly fd: number;
  /** As it was last read, and what was in it: it is asked for often, and seldom changes when nothing more is taken. */
  read?: { readonly state: string; readonly content: SegmentContent };
}

/** Of files that are gone, in the state in which they went. */
const gone: SegmentContent[] = [];
/** Open files by their inodes: a name may be given again. */
const followed = new Map<number, Followed>();

await mkdir(directory, { recursive: true, mode: 0o700 });
watch(directory, (_event, name) => {
  if (name !== null) follow(name);
});
setInterval(look, interval);
process.on('message', () => {
  look();
  const there = [...followed.values()].map(contentOf);
  process.send?.(takenIn([...gone, ...there]));
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

function look(): void {
  for (const name of readdirSync(directory)) follow(name);
  for (const [inode, file] of followed) {
    if (fstatSync(file.fd).nlink > 0) continue;
    gone.push(contentOf(file));
    closeSync(file.fd);
    followed.delete(inode);
  }
}

function follow(name: string): void {
  if (parseSegmentName(name) === undefined) return;
  const path = join(directory, name);
  try {
    if (followed.has(statSync(path).ino)) return;
    const fd = openSync(path, 'r');
    const { ino } = fstatSync(fd);
    if (followed.has(ino)) closeSync(fd);
    else followed.set(ino, { name, fd });
  } catch (error) {
    // Gone already: were there samples in it that were in no other file, their numbers are missing in the ledger.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function contentOf(file: Followed): SegmentContent {
  const { size, mtimeNs } = fstatSync(file.fd, { bigint: true });
  const state = `${size} ${mtimeNs}`;
  if (file.read?.state !== state)
    file.read = { state, content: readSegmentContent(file.name, readWholly(file.fd)) };
  return file.read.content;
}

/** From its beginning, wherever an earlier reading has ended: the path of an open file opens it anew. */
function readWholly(fd: number): Buffer {
  return readFileSync(`/proc/self/fd/${fd}`);
}
