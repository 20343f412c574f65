/** A kind of resource in cinder's notifications: `volume.create.end` has its id in `volume_id`. */
export interface CinderResource {
  readonly kind: string;
  readonly id: string;
  readonly actions: readonly string[];
  /** The fields of the payload that become metadata. */
  readonly metadata: readonly string[];
}

export const volumes: CinderResource = {
  kind: 'volume',
  id: 'volume_id',
  actions: [
    'exists',
    'create.end',
    'delete.start',
    'resize.end',
    'attach.end',
    'detach.end',
    'retype',
    'transfer.accept.end',
    'manage_existing.end',
  ],
  metadata: ['status', 'display_name', 'volume_type', 'size'],
};

export const snapshots: CinderResource = {
  kind: 'snapshot',
  id: 'snapshot_id',
  actions: ['exists', 'create.end', 'delete.start'],
  metadata: ['status', 'display_name', 'volume_id', 'volume_size'],
};

export const backups: CinderResource = {
  kind: 'backup',
  id: 'backup_id',
  actions: ['exists', 'create.end', 'delete.start'],
  metadata: ['status', 'display_name', 'volume_id', 'snapshot_id', 'parent_id', 'size'],
};
