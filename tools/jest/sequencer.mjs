import TestSequencer from '@jest/test-sequencer';

/**
 * The test files that take longest, the longest first: these start first, so that in the end no worker waits for
 * one of them. In a fresh clone jest has no times of an earlier run, and would go by the size of files.
 */
export const slowest = [
  'tools/chaos/test/chaos.integration.test.ts',
  'packages/nephoscope/test/examples.integration.test.ts',
  'packages/agent-compute/test/agent.integration.test.ts',
  'packages/nephoscope/test/cli.integration.test.ts',
  'packages/agent-compute/test/broker-alarms.integration.test.ts',
  'packages/bus-amqp/test/contract.integration.test.ts',
  'packages/collector/test/collector.integration.test.ts',
  'packages/nephoscope/test/usage.integration.test.ts',
  'packages/runtime/test/hostile-plugins.integration.test.ts',
  'packages/collector/test/notifications/notifications.integration.test.ts',
  'packages/bus-amqp/test/recovery.integration.test.ts',
  'packages/storage-sql/test/contract.test.ts',
  'packages/agent-central/test/agent.integration.test.ts',
  'tools/chaos/test/systematic.integration.test.ts',
  'packages/bus-amqp/test/policies.integration.test.ts',
  'packages/bus-amqp/test/others.integration.test.ts',
  'packages/bus-amqp/test/consumer.integration.test.ts',
  'packages/collector/test/start.integration.test.ts',
  'packages/bus-amqp/test/separate-users.integration.test.ts',
  'packages/bus-amqp/test/lock.integration.test.ts',
  'packages/collector/test/dead-letters-refused.integration.test.ts',
  'packages/collector/test/stop.integration.test.ts',
  'packages/storage-sql/test/processes.test.ts',
  'packages/collector/test/ceilometer.integration.test.ts',
  'packages/storage-sql/test/postgresql/outages.integration.test.ts',
  'packages/storage-sql/test/postgresql/contract.integration.test.ts',
  'packages/runtime/test/daemon.test.ts',
  'packages/bus-amqp/test/topology.integration.test.ts',
  'tools/outside/test/outside.integration.test.ts',
  'packages/collector/test/fuzz/collector-fuzz.integration.test.ts',
  'packages/agent-compute/test/devices.integration.test.ts',
  'packages/storage-sql/test/postgresql/silence.integration.test.ts',
  'packages/inspector-libvirt/test/hosts.integration.test.ts',
  'packages/collector/test/known-messages.test.ts',
  'packages/bus-amqp/test/permissions.integration.test.ts',
  'packages/storage-sql/test/postgresql/settings.integration.test.ts',
  'packages/agent-compute/test/spool/outage.test.ts',
  'packages/storage-sql/test/postgresql/refusals.integration.test.ts',
];

export default class SlowestFirst extends TestSequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = slowest.findIndex((file) => path.endsWith(`/${file}`));
      return index < 0 ? slowest.length : index;
    };
    // The others go by what TestSequencer knows of them: the sort is stable.
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
}
