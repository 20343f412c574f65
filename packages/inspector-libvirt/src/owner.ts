import { wildcards } from '@nephoscope/core/options';
import type { Domain } from '@nephoscope/libvirt';

import { undescribed } from './domain-xml.js';
import type { DomainDescription } from './domain-xml.js';
import type { Owner } from './instance.js';
import type { Options } from './options.js';

/**
 * Whose a domain is: as nova wrote it; of a domain without nova's metadata as the configuration maps its name. Nobody
 * knows of a domain that was never described whether it is nova's.
 */
export function ownerOf(domain: Domain, description: DomainDescription, mapped: Options['owners']): Owner {
  const { nova } = description;
  if (description === undescribed) return { userId: null, projectId: null };
  if (nova !== undefined) return { userId: nova.userId ?? null, projectId: nova.projectId ?? null };
  const owner = mapped.find(({ name }) => wildcards([name])(domain.name));
  return { userId: owner?.userId ?? null, projectId: owner?.projectId ?? null };
}
