import type { Missing } from '@nephoscope/core';
import type { InstancePart, InstanceParts, InstanceReading } from '@nephoscope/core/instance';
import type { DomainStatsRecord, StatsGroup } from '@nephoscope/libvirt';

import { groupsOf, hasBulkFigures, readPart } from './bulk-stats.js';
import type { Limits } from './device-stats.js';
import type { HostRecord } from './host-record.js';
import type { DomainDescription } from './domain-xml.js';
import { busy, notReported, off } from './missing.js';
import type { RepluggedCards } from './replugged-cards.js';
import type { Session } from './session.js';

type AnyPart = InstanceParts[InstancePart] | Missing;

/** The statistics groups to request for these parts and the state. */
export function statsGroups(parts: ReadonlySet<InstancePart>): readonly StatsGroup[] {
  return ['state', ...[...parts].flatMap((part) => groupsOf[part])];
}

/**
 * Reads the parts from a domain's record, with separate calls where the driver does not report them in bulk.
 *
 * @throws the libvirt error when the domain has disappeared, the connection is lost or the signal was aborted
 */
export async function readParts(
  parts: ReadonlySet<InstancePart>,
  session: Session,
  record: DomainStatsRecord & Pick<HostRecord, 'failure' | 'images'>,
  description: DomainDescription,
  limits: Limits,
): Promise<InstanceReading['parts']> {
  // With `Object.fromEntries` V8 would create a hidden class for each object.
  const read: { [P in InstancePart]?: AnyPart } = {};
  for (const part of parts) read[part] = await readOf(part, session, record, description, limits);
  return read as InstanceReading['parts'];
}

/** The same without counts of cards that may be those of others before them. */
export function withSureCards(
  parts: InstanceReading['parts'],
  before: DomainDescription | undefined,
  cards: RepluggedCards,
): InstanceReading['parts'] {
  const { vnics } = parts;
  if (vnics === undefined || 'missing' in vnics || before === undefined) return parts;
  return { ...parts, vnics: cards.check(before.vnics, vnics) };
}

function readOf(
  part: InstancePart,
  session: Session,
  { domain, params, failure, images }: DomainStatsRecord & Pick<HostRecord, 'failure' | 'images'>,
  description: DomainDescription,
  limits: Limits,
): AnyPart | Promise<AnyPart> {
  const running = domain.id >= 0;
  if (failure !== undefined && running && !hasBulkFigures(params, part)) return failure;
  if (session.reportsInBulk && session.bulk.supported)
    return readPart[part](params, description, running, failure ?? busy, images);
  if (hasBulkFigures(params, part)) return readPart[part](params, description, running, notReported);
  if (!running && part !== 'disks') return off;
  return session.devices.read(part, domain, description, limits);
}
