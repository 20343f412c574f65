import type { Disk } from '@nephoscope/core/instance';

import { child, value } from './xml.js';
import type { Element } from './xml.js';

export interface DescribedDisk extends Disk {
  readonly alias: string | undefined;
  /** The type of its image: `file`, `block`, `network`, … */
  readonly storage: string | undefined;
  readonly format: string | undefined;
  /** The image, in libvirt's words. */
  readonly image: string;
}

// A drive whose medium is changed stays the same drive, and its counts continue.
const drives: ReadonlySet<string | undefined> = new Set(['cdrom', 'floppy']);

/**
 * A disk; undefined for one without a name. The marks of its plugging are the indexes that libvirt assigns to the
 * images in its chain, each once in the life of a domain's process. A snapshot adds an image and a commit removes
 * some, so that consecutive chains have one in common.
 */
export function describeDisk(element: Element): DescribedDisk | undefined {
  const device = value(child(element, 'target'), 'dev');
  if (device === undefined) return undefined;
  const marks = imagesOf(element);
  if (drives.has(value(element, 'device'))) marks.push('drive');
  const { index: _index, ...source } = child(element, 'source')?.attributes ?? {};
  return Object.freeze({
    device,
    plugging: marks.length === 0 ? undefined : Object.freeze(marks),
    alias: value(child(element, 'alias'), 'name'),
    storage: value(element, 'type'),
    format: value(child(element, 'driver'), 'type'),
    image: JSON.stringify(source),
  });
}

/**
 * The indexes of the images in a disk's chain, and of the image it is being copied to. Empty for a libvirt that does
 * not report them.
 */
function imagesOf(element: Element): string[] {
  const top = value(child(element, 'source'), 'index');
  if (top === undefined) return [];
  const indexes = [top];
  for (let image = child(element, 'backingStore'); image !== undefined; image = child(image, 'backingStore')) {
    const index = value(image, 'index');
    if (index !== undefined) indexes.push(index);
  }
  const copy = value(child(child(element, 'mirror'), 'source'), 'index');
  if (copy !== undefined) indexes.push(copy);
  return indexes;
}

/**
 * The new description of a disk, with the previous marks if it is the same plugging although no image is left in the
 * chain: its contents were copied to another image, and no plug or unplug event was received.
 */
export function continueDisk(
  before: DescribedDisk | undefined,
  now: DescribedDisk,
  announced: ReadonlySet<string>,
): DescribedDisk {
  if (before?.plugging === undefined || now.plugging === undefined) return now;
  const same = before.alias === now.alias && before.image !== now.image;
  if (!same || (now.alias !== undefined && announced.has(now.alias))) return now;
  const { plugging } = now;
  if (before.plugging.some((mark) => plugging.includes(mark))) return now;
  return Object.freeze({ ...now, plugging: Object.freeze([...plugging, ...before.plugging]) });
}
