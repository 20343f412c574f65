/**
 * What each package may import of the others: the arrows of docs/architecture.md. A package that is not
 * listed for another is an error there, so that a plugin never reaches into a program and a program
 * never names a plugin.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const mayImport = {
  core: [],
  async: [],
  message: ['core'],
  statistics: ['core', 'message'],
  libvirt: [],
  testing: ['core', 'message', 'runtime'],
  runtime: ['core', 'message', 'async'],
  'bus-amqp': ['core', 'async'],
  'storage-sql': ['core', 'message', 'statistics', 'async'],
  'inspector-libvirt': ['core', 'async', 'libvirt'],
  'agent-compute': ['core', 'async', 'message', 'runtime', 'openstack'],
  'agent-central': ['core', 'async', 'message', 'runtime', 'openstack'],
  openstack: ['core', 'async'],
  'notifier-nova': ['core'],
  'notifier-cinder': ['core'],
  'notifier-glance': ['core'],
  'notifier-neutron': ['core'],
  'notifier-swift': ['core'],
  api: ['core', 'async', 'message', 'statistics', 'runtime', 'openstack'],
  'api-client': ['core'],
  collector: ['core', 'async', 'message', 'runtime'],
  nephoscope: [
    'core',
    'message',
    'statistics',
    'runtime',
    'storage-sql',
    'agent-compute',
    'agent-central',
    'collector',
    'api',
    'api-client',
    'openstack',
  ],
};
