import { wildcards } from '@nephoscope/core/options';
import type { Domain } from '@nephoscope/libvirt';

import { undescribed } from './domain-xml.js';
import type { DomainDescription } from './domain-xml.js';
import type { Owner } from './instance.js';
import type { Options } from './options.js';

/**
 * The owner of a domain: from nova's metadata, or, without it, from the configuration by the domain's name. For a
 * domain without a description it is unknown whether it is nova's.
 */
export function ownerOf(domain: Domain, description: DomainDescription, mapped: Options['owners']): Owner {
  const { nova } = description;
  if (description === undescribed) return { userId: null, projectId: null };
  if (nova !== undefined) return { userId: nova.userId ?? null, projectId: nova.projectId ?? null };
  const owner = mapped.find(({ name }) => wildcards([name])(domain.name));
  return { userId: owner?.userId ?? null, projectId: owner?.projectId ?? null };
}
