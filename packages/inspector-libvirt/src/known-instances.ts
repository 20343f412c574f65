import type { Instance, PowerState } from '@nephoscope/core/instance';
import type { Domain, DomainStatsRecord } from '@nephoscope/libvirt';

import type { DomainDescription } from './domain-xml.js';
import { instanceOf, powerStates, runOf } from './instance.js';
import type { Options } from './options.js';
import { ownerOf } from './owner.js';

interface Known {
  readonly description: DomainDescription;
  readonly instance: Instance;
}

/** The state of a domain that did not report it: its previous state, if that is still possible. */
function unanswered({ id }: Domain, known: Known | undefined): PowerState {
  if (id < 0) return 'shutoff';
  return known === undefined || known.instance.state === 'shutoff' ? 'nostate' : known.instance.state;
}

/** The instances of the last readings; each stays the same object while nothing in it changes. */
export class KnownInstances {
  readonly #owners: Options['owners'];
  readonly #known = new Map<string, Known>();

  constructor(owners: Options['owners']) {
    this.#owners = owners;
  }

  /** The last known state of a domain, possibly outdated. */
  description(uuid: string): DomainDescription | undefined {
    return this.#known.get(uuid)?.description;
  }

  /** The instance that was read now. */
  instance({ domain, params }: DomainStatsRecord, description: DomainDescription, boot: string): Instance {
    const known = this.#known.get(domain.uuid);
    const state = powerStates[Number(params.get('state.state'))] ?? unanswered(domain, known);
    let instance: Instance;
    if (
      known?.description !== description ||
      known.instance.state !== state ||
      known.instance.name !== domain.name
    ) {
      instance = instanceOf(domain, description, state, ownerOf(domain, description, this.#owners), boot);
    } else {
      const run = runOf(domain, boot);
      if (known.instance.run === run) return known.instance;
      instance = Object.freeze({ ...known.instance, run });
    }
    this.#known.set(domain.uuid, { description, instance });
    return instance;
  }

  get uuids(): readonly string[] {
    return [...this.#known.keys()];
  }

  forget(uuid: string): void {
    this.#known.delete(uuid);
  }
}
