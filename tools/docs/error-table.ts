/** Every error code of the packages: what it means and what to do. docs/errors.md is generated from it. */
export interface ErrorGroup {
  readonly title: string;
  readonly about?: string;
  readonly codes: Readonly<Record<string, { readonly means: string; readonly what: string }>>;
}

const defect = 'This is a bug in the program or plugin that reports it. Report it to the authors.';

export const errorTable: readonly ErrorGroup[] = [
  {
    title: 'Configuration',
    codes: {
      CONFIG_UNREADABLE: {
        means: 'The configuration file does not exist or is not valid YAML. Each error is reported with its line.',
        what: 'Pass the right file with `--config`, or correct the lines. Quote values that begin with `*`.',
      },
      CONFIG_INVALID: {
        means:
          'The configuration has mistakes. All are listed, each with its path and its line or environment variable.',
        what: 'Correct them. [configuration.md](configuration.md) lists every key.',
      },
      CONFIG_UNWRITABLE: {
        means: '`nephoscope up` found no configuration and cannot write one in this folder.',
        what: 'Run it in a directory that you can write to, or pass a file with `--config`.',
      },
      SECRET_EMPTY: {
        means: 'No secret is configured for signing or verifying.',
        what: 'Set `secrets` to the same value on agents and collectors.',
      },
      API_ADDRESS: {
        means: 'The address of the HTTP API cannot be bound.',
        what: 'Choose another `api.port`, or stop whatever listens there.',
      },
      API_CERTIFICATE: {
        means: 'The certificate of the HTTP API or its key cannot be read.',
        what: 'Check the paths in `api.tls`, and that the program’s user may read them.',
      },
      TOKEN_INVALID: {
        means:
          'A token of `nephoscope tokens` has a name that is taken or too long, or its file is damaged or writable by others.',
        what: 'The message says which. A token whose file is damaged is revoked by removing the file.',
      },
      TOKENS_UNAVAILABLE: {
        means: 'The directory with the tokens of `nephoscope tokens` cannot be read or written.',
        what: 'Check `api.access.directory`: it belongs to the user that `nephoscope-api` runs as.',
      },
      STATUS_ADDRESS: {
        means: 'The address for health and metrics cannot be bound.',
        what: 'Choose another `status.port` or `status.address`, or stop whatever listens there.',
      },
    },
  },
  {
    title: 'Plugins',
    codes: {
      PLUGIN_DECLARATION: {
        means: 'A `package.json` or its `nephoscope` entry is invalid, or a dependency is not installed.',
        what: 'Run `npm install` in the directory named in the message. If that does not help, fix or uninstall the package.',
      },
      PLUGIN_TWICE: {
        means: 'Two packages declare a plugin with the same name. The message names both.',
        what: 'Uninstall one of them.',
      },
      PLUGIN_IMPORT: {
        means: 'The code of a plugin cannot be loaded, or did not load within 10 s.',
        what: 'Check the cause. Reinstall or update the package, or list the plugin in `disabled`.',
      },
      PLUGIN_INVALID: {
        means:
          'What a package declares as a plugin is not a plugin, belongs to another namespace, or breaks the contract: it reads a part that does not exist, has a malformed table of meters, or returns nothing from `create`.',
        what: 'Report it to the plugin’s authors. Until it is fixed, uninstall the package or list the plugin in `disabled`.',
      },
      PLUGIN_API: {
        means: 'A plugin was built for another version of the plugin contract.',
        what: 'Install matching versions of the program and the plugin.',
      },
      PLUGIN_DECLINED: {
        means: 'A plugin has nothing to do on this host. This is logged and is not a failure.',
        what: 'Nothing. List the plugin in `disabled` to silence the message.',
      },
      PLUGINS_FAILED: {
        means: 'With `--once`: pollsters could not be loaded, so their meters are missing.',
        what: 'See the preceding failures in the log.',
      },
      PLUGIN_BLOCKED: {
        means:
          'A plugin blocked the program and was interrupted: an endless loop or regular expression, or a blocking call. Its counters are missing. The plugin is suspended for a minute, and for longer each time it happens again. Notifications that a suspended plugin did not see become dead letters; return them with `nephoscope dead-letters replay`.',
        what: 'Report it to the plugin’s authors. Until it is fixed, list the plugin in `disabled`.',
      },
      PROGRAM_BLOCKED: {
        means:
          'The program did not respond for 4 s, or did not respond to a request to stop, because code in a timer, after an `await` or in a plugin being imported did not return. It was ended with SIGKILL. `err.at` has the place in the code, unless the program was blocked in a system call.',
        what: 'As above. Accepted samples are in the spool. Let a supervisor restart the program.',
      },
      PROCESS_GUARDED: {
        means:
          'Code outside the program tried to end or change the whole process: it called `process.exit`, `abort`, `kill`, `chdir` or `umask`, removed listeners, or emitted a signal. The attempt was refused.',
        what: defect,
      },
      UNHANDLED: {
        means:
          'An unhandled error that does not come from a plugin. The program exits with code 1. Accepted samples are in the spool.',
        what: defect,
      },
      ENDED_UNASKED: {
        means: 'The process ended without being asked to. Its exit code is not 0.',
        what: defect,
      },
      METER_NAME: {
        means: 'A plugin declares a meter twice or with an invalid name.',
        what: defect,
      },
      METER_UNDECLARED: {
        means: 'A pollster produced a counter for a meter that is not in its table.',
        what: defect,
      },
      TOTAL_INVALID: {
        means:
          'A pollster produced a total for a meter that is not cumulative, or from two parts with the same key.',
        what: defect,
      },
      METER_VOLUME: {
        means:
          'A counter’s volume is not a finite number, or written without an exponent has more than 400 digits before or after the point.',
        what: defect,
      },
      COUNTER_INVALID: {
        means:
          'A counter cannot be sent and is left out; others are not affected. A field has the wrong type, metadata or a string cannot be written as JSON, or the message would exceed 1 MiB or 5,000 values.',
        what: defect,
      },
      COUNTERS_TOO_MANY: {
        means: 'A pollster yields more than 10,000 counters or 16 MiB for one instance. None of them is accepted.',
        what: defect,
      },
      MISSING_INVALID: {
        means: 'A pollster reports a missing figure without a valid reason.',
        what: defect,
      },
    },
  },
  {
    title: 'Compute agent',
    codes: {
      INSPECTOR_UNAVAILABLE: {
        means:
          'The hypervisor cannot be read. At start the agent exits. Later the cycle is lost, and the agent tries to reconnect.',
        what: 'Start libvirtd or virtqemud. Check `inspector.uri` and that this user may open the read-only socket.',
      },
      STATE_DIRECTORY: {
        means: 'The state directory cannot be used, or another agent is using it.',
        what: 'The message gives the cause: permissions, space, another agent (`compute.stateDirectory`), or a file with two unreadable copies. Do not start with an empty directory or an older copy: epochs would be reused.',
      },
      NOTHING_TO_POLL: {
        means: 'No compute pollster is active.',
        what: 'Install one, or correct `compute.enabled` and `compute.disabled`.',
      },
      CYCLE_TIMEOUT: {
        means: 'A cycle took longer than `compute.timeout`. What was not read by then is missing.',
        what: 'Find what is slow: the log names instances that do not answer and pollsters that have not finished.',
      },
      POLLSTER_TIMEOUT: {
        means: 'A pollster had not finished an instance when the cycle’s time ran out.',
        what: 'Find out what the pollster waits for. Its counters for that instance are missing from that cycle.',
      },
      POLLSTER_PENDING: {
        means: 'A pollster has not returned from an earlier cycle. It is not called again until it does.',
        what: 'As above. If it does not recover, disable the pollster.',
      },
      POLLSTERS_FAILED: {
        means: 'With `--once`: counters are missing because pollsters failed.',
        what: 'See the preceding failures in the log.',
      },
      READING_TIMEOUT: {
        means: 'The first or last reading of an instance, taken between cycles, did not finish in time.',
        what: 'Look for a stuck guest or an overloaded libvirtd. Cycles continue.',
      },
      ONCE_TIMEOUT: {
        means: 'With `--once`: the run did not finish in time.',
        what: 'Check what the message says it waited for: the hypervisor or the bus.',
      },
      SPOOL_UNAVAILABLE: {
        means:
          'The spool in the state directory cannot be read or written: the disk is full, read-only or broken.',
        what: 'Free space, or fix the permissions or the disk. At start the agent exits. Later it retries until the end of the cycle, accepts no samples meanwhile, and tries again in the next cycle.',
      },
      SPOOL_FULL: {
        means: 'The spool has reached `compute.spool.maxBytes`, and nothing in it can be thinned further.',
        what: 'Check the bus, or raise the limit. Totals lose nothing: the next reading of a cumulative meter includes what was skipped.',
      },
      SAMPLES_UNSENT: {
        means: 'Samples were accepted, but the bus has not confirmed them.',
        what: 'Check the bus. The samples are in the spool, and the next run sends them. A counter from `send-counter` is not spooled; the message says how to repeat it.',
      },
      AGENT_NOT_STARTED: { means: 'A compute agent was used before it was started.', what: defect },
    },
  },
  {
    title: 'Message bus',
    codes: {
      BUS_UNAVAILABLE: {
        means:
          'The broker cannot be reached, the connection was lost, or a confirmation is missing. The message says which and where.',
        what: 'Start RabbitMQ; check the network and RabbitMQ’s log. What was not confirmed is sent again automatically.',
      },
      BUS_REFUSED: {
        means: 'The broker refuses the user, or refuses it access to the virtual host.',
        what: 'Correct `bus.url`, or add the user, the virtual host and the permissions with `rabbitmqctl`.',
      },
      BUS_MANAGEMENT: {
        means: 'RabbitMQ’s management API, used to look up policies, gives no valid answer.',
        what: 'Correct `bus.management`. The user needs the tag `management`. Samples are not affected.',
      },
      BUS_TLS: {
        means: 'No trusted TLS connection can be made, or a TLS file cannot be read.',
        what: 'Check `bus.tls` and the name in the broker’s certificate.',
      },
      BUS_TOPOLOGY: {
        means: 'An exchange or queue does not exist and the broker refuses to create it.',
        what: 'Delete or rename what is in the way. The message names it.',
      },
      BUS_UNROUTABLE: {
        means: 'A message could not be routed to any queue.',
        what: 'Bind a queue to the exchange with the routing key that the error names.',
      },
      BUS_IN_PROCESS: {
        means:
          '`send-counter` or `dead-letters` was used with the in-process bus, which exists only while the command runs.',
        what: 'Configure the bus that a collector consumes from, such as `amqp`.',
      },
    },
  },
  {
    title: 'Samples and stores',
    codes: {
      STORE_UNAVAILABLE: {
        means:
          'The store cannot be read or written at the moment: a full disk, permissions, a lock, no connection, a server that does not answer or is read-only, a store that was not started, or an unknown failure.',
        what: 'Remove the cause given in the message. The collector retries automatically. What it has not recorded stays in the queue.',
      },
      STORE_BUSY: {
        means:
          'Another program is removing samples from the same database, or rolling them up, so this one did not.',
        what: 'Nothing: collectors retry it. The message of a removal names the other program and its host.',
      },
      STORE_REFUSED: {
        means:
          'PostgreSQL refuses the user, the password or the database, or requires an authentication method that is not supported; the user lacks a permission; or the connection goes through a pooler in transaction mode.',
        what: 'Correct `storage.url` or the permissions; see docs/postgresql.md.',
      },
      STORE_TLS: {
        means: 'No trusted TLS connection to PostgreSQL can be made, or a file in `storage.tls` cannot be read.',
        what: 'Check the files, the server’s certificate and `sslmode`.',
      },
      STORE_INVALID: {
        means:
          'The file is not an SQLite database, is damaged, or belongs to another program; or PostgreSQL is older than 15, or the database encoding is not UTF8.',
        what: 'Set another `storage.url`, or restore a backup.',
      },
      STORE_SCHEMA_NEWER: { means: 'The database was written by a newer version.', what: 'Update the program.' },
      STORE_SCHEMA_OLDER: {
        means: 'A command that reads samples found a database from an older version. It does not change it.',
        what: 'Start a collector of this version, which migrates the database.',
      },
      STORE_MISSING: {
        means: 'A command that reads samples found no database, or one without tables.',
        what: 'Check `storage.url` or `--store`. Before the first sample there is no database.',
      },
      CURSOR_INVALID: {
        means: 'A query for a page of samples has a cursor of another query, or one that no page came with.',
        what: 'Begin with the first page. Change neither filter nor order between pages.',
      },
      SAMPLE_INVALID: {
        means:
          'No store can hold the sample: its timestamp or sequence number does not fit into 64 bits, or its volume has more digits than PostgreSQL accepts. It goes to the dead letters.',
        what: 'Check the sender of the message that the error names.',
      },
      SAMPLE_WITHOUT_VOLUME: {
        means:
          "The volume of a metering message is null: nothing was measured, as in Ceilometer's `image.size` of a queued image. The collector counts and acknowledges the message; it does not become a dead letter.",
        what: 'Nothing, if this is known behaviour of the meter. Otherwise check the agent that sends it.',
      },
      BODY_COMPRESSED: {
        means:
          'A compressed message (`kombu_compression`) is damaged, too large once decompressed, or in an unsupported format (lzma; zstd before Node 22.15). It is kept in the dead letters unchanged.',
        what: 'Set the sender to gzip, bzip2 or no compression. No OpenStack service sends messages that exceed the limit.',
      },
      MESSAGE_UNREADABLE: {
        means:
          'A metering message is malformed; the error names the field. The collector moves it to the dead letters.',
        what: 'Inspect the dead letters and check the sender.',
      },
      JSON_INVALID: {
        means:
          'The input is not JSON, or is JSON that is refused: a duplicate key, an unpaired surrogate, more than 64 levels, a number with more than 4,300 characters or 40 exponent digits, more than 1,000 all-digit keys, or, in a metering message, more than 5,000 values.',
        what: 'Check what produced it.',
      },
      TIMESTAMP_INVALID: {
        means: 'A value is not an ISO 8601 time.',
        what: 'Write it as `2026-11-22T21:00:00.194936+00:00`.',
      },
    },
  },
  {
    title: 'Figures',
    about: 'How use, amounts and statistics are computed: [figures.md](figures.md).',
    codes: {
      EXPORT_CUT: {
        means:
          'An export of the HTTP API is not complete: its last line is missing or does not fit, or the connection broke.',
        what: 'Discard what was read and ask again.',
      },
      EXPORT_REFUSED: {
        means: 'The HTTP API answered with an error instead of an export; the message has its status.',
        what: 'Look at the status: 400 and 422 are about the question, 401 and 403 about the token, 503 about the database.',
      },
      FUNCTION_REFUSED: {
        means:
          'The figure would mean nothing, such as a sum of cumulative readings or the last value of several series.',
        what: 'Ask for one of the functions that the message names, or group as it says.',
      },
      FUNCTION_UNKNOWN: {
        means: 'There is no such function.',
        what: 'Use one that the message lists.',
      },
      FIGURE_MIXED: {
        means: 'Samples of different types or units would be in one figure.',
        what: 'Group by meter, type or unit, as the message says, or ask for one of them.',
      },
      TYPE_UNKNOWN: {
        means: 'Samples have a type other than cumulative, delta and gauge.',
        what: 'Correct the sender. Leave these samples out by naming the meters that you want.',
      },
      GROUP_UNKNOWN: {
        means: 'There is no such thing to group by, or it is named twice.',
        what: 'Use one that the message lists, once. Keys of the metadata begin with `metadata.`.',
      },
      ZONE_UNKNOWN: {
        means: 'The time zone is not in the database of Node.',
        what: 'Write it as the IANA database does: `Europe/Berlin`, `UTC`.',
      },
      RANGE_INVALID: {
        means: 'A range ends before it starts, a period has no length, or a month or day does not exist.',
        what: 'Correct the times.',
      },
      PERIODS_TOO_MANY: {
        means: 'The range has more than a million periods.',
        what: 'Ask for a shorter range or longer periods.',
      },
      ROUNDING_UNKNOWN: {
        means: 'A rounding is not a number of digits and a mode.',
        what: 'Write it as `--round 2,half-even`.',
      },
      PERCENTILES_TOO_LARGE: {
        means: 'A percentile would be one of more than 100,000 different values.',
        what: 'Ask for shorter periods or smaller groups.',
      },
      DECIMAL_INVALID: {
        means: 'A number is not one, or has an exponent beyond 140,000.',
        what: 'Check where it was given.',
      },
      VOLUME_INVALID: {
        means:
          'No figure can be made of a sample that an earlier version recorded: its volume, written without an exponent, has more than 400 digits before or after the point. The error names the sample.',
        what: 'Ask for other meters or resources, or for a time before it. To leave it out for good, export the store and import that into a new one, which refuses this sample and records the others.',
      },
      SAMPLES_REMOVED: {
        means:
          'A part of an hour is asked for, or other distances between readings than usual, and only the rolled-up hour is left: its samples were removed.',
        what: 'Ask for full hours (UTC) where samples were removed, without `--usual` and `--hold`.',
      },
      STORE_CHANGED: {
        means:
          'While figures were computed, samples that they need were removed, or rollups were discarded, three times.',
        what: 'Ask again.',
      },
      ROLLUP_DAMAGED: {
        means: 'The bytes of a rolled-up hour or day are not what was written.',
        what: 'Check the disk, then run `nephoscope rollups rebuild`.',
      },
      ROLLUPS_DIFFER: {
        means: '`nephoscope rollups check` found days that are not what their samples say.',
        what: 'Run `nephoscope rollups rebuild`, and report it: they should never differ.',
      },
      ROLLUPS_UNKNOWN: {
        means: 'The store is a plugin that does not roll samples up.',
        what: 'Nothing: figures are computed from its samples.',
      },
      READINGS_UNORDERED: {
        means: 'A program added the samples of a series to statistics in another order than that of time.',
        what: defect,
      },
    },
  },
  {
    title: 'The command `nephoscope`',
    codes: {
      DEADLINE: {
        means: 'An operation did not finish within the time that the message gives.',
        what: 'Check what it waited for.',
      },
      DROP_UNCLEAR: {
        means: '`dead-letters drop` needs to know which letters to delete.',
        what: 'Pass `--reason` or `--limit`, or `--all --yes` to delete all of them.',
      },
      API_REFUSED: {
        means: '`--api`: the API does not answer the question, for the reason that the message gives.',
        what: 'Change the question, or use another token.',
      },
      API_UNREACHABLE: {
        means: '`--api`: the API does not answer, or something else answers at that URL.',
        what: 'Check the URL, and that `nephoscope-api` runs.',
      },
      EXPORT_INCOMPLETE: {
        means:
          '`import`: a file is not what the last line of its export says: samples are missing, or were changed or added. What it has was recorded.',
        what: 'Export again.',
      },
      IMPORT_LINE: {
        means: '`import`: something in a file is not a sample. It is listed with its line and this reason.',
        what: 'Correct the line and import the file again: what was recorded is not recorded again.',
      },
      IMPORT_UNREADABLE: {
        means: '`import`: a file cannot be read, or is none of the known formats, or lacks columns.',
        what: 'See [import and export](import-and-export.md) for the formats.',
      },
      INTERRUPTED: { means: 'The command was interrupted before it finished.', what: 'Run it again.' },
      METADATA_INVALID: { means: '`--metadata` is not a JSON object.', what: 'Write it as `{"key": "value"}`.' },
      NUMBER_INVALID: {
        means: 'A value is not a number, or cannot be sent without losing digits.',
        what: 'Write decimal digits. A number with a fraction can have about 15.',
      },
      OUTPUT_CLOSED: {
        means:
          'The reader of the output has gone, as in `nephoscope samples \\| head`. The command ends; this is not a failure.',
        what: 'Nothing.',
      },
      OUTPUT_FAILED: { means: 'The output cannot be written.', what: 'Check the cause, such as a full disk.' },
      SAMPLES_NOT_IMPORTED: {
        means:
          '`import`: some samples were refused. Each is listed with its line and the reason; all others were recorded.',
        what: 'Decide from the reasons. Importing the file again records only what was not recorded.',
      },
      SAMPLES_UNRECORDED: {
        means:
          '`up --once`: samples were sent but are not in the store. Or a client posted some with `direct=True`, and no collector has recorded them within 10 s.',
        what: 'Check what the collector refused, and whether another collector consumes from the same queue. Of posted ones, check the dead letters, too.',
      },
      SQLITE_FILE: {
        means: '`import`: an SQLite file is missing, damaged or locked.',
        what: 'Check the cause. Import a copy of a file that another program is using.',
      },
      SAMPLES_UNVERIFIED: {
        means: '`verify`: stored samples do not match their signatures under the configured secrets.',
        what: 'Add the secret that was in use at the time to `secrets`. Samples that still fail were altered.',
      },
    },
  },
  {
    title: 'Start and stop',
    codes: {
      STOPPED: {
        means: 'An operation ended because the program is stopping. This is not a failure.',
        what: 'Nothing.',
      },
      START_TIMEOUT: {
        means: 'A component, such as the inspector plugin, did not finish starting. The message names it.',
        what: 'Find out why it hangs. If it is a third-party plugin, report it to its authors.',
      },
      STOP_FAILED: {
        means: 'Components did not stop cleanly. The message names them.',
        what: 'Check the causes.',
      },
      STOP_TIMEOUT: {
        means:
          'A component had not stopped after 5 s and was abandoned; or the program had not stopped 10 s after the signal, or left something open, and was ended. Accepted samples are safe on the bus or in the state directory, as far as either was reached.',
        what: defect,
      },
    },
  },
  {
    title: 'Notifications',
    codes: {
      NOTIFICATION_UNREADABLE: {
        means: 'A message on the notification queue is not a notification. The error says what is wrong with it.',
        what: 'Find out what publishes it. The dead letter holds its size and hash, not its content.',
      },
      NOTIFICATION_FIELD: {
        means:
          'A field that a plugin needs is missing from a notification or has the wrong type. The error names it.',
        what: 'Inspect the dead letter; the other plugins have processed the notification. Tell the plugin’s authors which version of the service sent it.',
      },
      NOTIFICATION_ITEMS: {
        means:
          'A notification lists several resources, and some of them cannot be metered. The error says how many, and why the first one failed. The others are metered.',
        what: 'Inspect the dead letter. Replaying it counts nothing twice.',
      },
    },
  },
  {
    title: 'The cloud',
    codes: {
      OPENSTACK_CONFIG: {
        means: 'The cloud configuration is incomplete or contradictory.',
        what: 'Set what the message names, in the section `openstack`, in `clouds.yaml` or in `OS_…` variables.',
      },
      OPENSTACK_AUTH: {
        means: 'Keystone refuses the credentials, or a service refuses a fresh token.',
        what: 'Check the user, secret, domains and project. If a service refuses the token, check its `keystone_authtoken` section.',
      },
      OPENSTACK_ENDPOINT: {
        means: 'The catalogue has no such service, interface or region, or a URL is outside the catalogue.',
        what: 'Install the service, correct `openstack.interface` or `openstack.region`, or disable the pollsters that need it.',
      },
      OPENSTACK_HTTP: {
        means: 'A service refused a request. The message has the status and the request id.',
        what: 'On 403, grant the user the role. Otherwise look up the request id in the service’s log.',
      },
      OPENSTACK_UNAVAILABLE: {
        means: 'A service did not answer in time, even after retries, or its certificate is not trusted.',
        what: 'Check the service, or set `openstack.cacert`. The agent tries again in its next cycle.',
      },
      OPENSTACK_ANSWER: {
        means:
          'The response is not JSON, lacks the expected list, is larger than any service sends, or its page links form a loop or lead to another server.',
        what: 'Check what answers at that URL.',
      },
      CLOUD_ITEM: {
        means:
          'A service lists an item without an id, or with a field of a wrong type. Only its counters are missing.',
        what: 'Check the item in the service.',
      },
      FAKE_CLOUD: {
        means: 'A test sent the fake cloud of `@nephoscope/testing` a request that it has no answer for.',
        what: 'Give it one.',
      },
    },
  },
  {
    title: 'The libvirt client',
    about:
      'Errors of `@nephoscope/libvirt`. In a compute agent they appear as the cause of `INSPECTOR_UNAVAILABLE` or in the reason of a missing figure.',
    codes: {
      LIBVIRT_REMOTE: {
        means: 'The daemon answered with an error, which carries libvirt’s own code and domain.',
        what: 'Read the message, which comes from libvirt.',
      },
      LIBVIRT_TIMEOUT: {
        means: 'A call’s deadline passed.',
        what: 'Look for a guest whose QEMU hangs, or a daemon that hangs.',
      },
      LIBVIRT_ABORTED: { means: 'The caller aborted the call.', what: 'Nothing.' },
      LIBVIRT_CONNECT: {
        means: 'No connection could be made. The message names the address.',
        what: 'Start the daemon; check the URI and the permissions of its socket.',
      },
      LIBVIRT_CONNECTION_CLOSED: {
        means: 'The connection ended before the answer.',
        what: 'Check the daemon’s log. The agent reconnects automatically.',
      },
      LIBVIRT_FRAMING: {
        means: 'The data received is not libvirt’s protocol.',
        what: 'Check that the URI points to a libvirt daemon.',
      },
      LIBVIRT_KEEPALIVE: {
        means: 'The daemon did not answer keepalive messages.',
        what: 'Check the daemon and the network. The agent reconnects automatically.',
      },
      LIBVIRT_URI: {
        means: 'The URI is invalid.',
        what: 'Write it as libvirt does, such as `qemu:///system`.',
      },
      LIBVIRT_UNSUPPORTED_TRANSPORT: {
        means: 'The URI asks for a transport that this client does not support, such as ssh.',
        what: 'Use a socket, TCP or TLS.',
      },
      LIBVIRT_UNSUPPORTED_AUTH: {
        means: 'The daemon requires an authentication method that this client does not support, such as SASL.',
        what: 'Use the read-only socket, or configure the daemon to use polkit or no authentication.',
      },
      LIBVIRT_ARGUMENT: { means: 'An argument does not fit the protocol. Nothing was sent.', what: defect },
    },
  },
];

/** docs/errors.md */
export function errorsPage(): string {
  const groups = errorTable.map(({ title, about, codes }) => {
    const rows = Object.entries(codes).map(([code, { means, what }]) => `| \`${code}\` | ${means} | ${what} |`);
    return `## ${title}\n\n${about === undefined ? '' : `${about}\n\n`}| code | means | what to do |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Errors

<!-- Generated from tools/docs/error-table.ts by \`npm run docs\`: do not edit. -->

Every failure that an operator can act on has a stable code. In logs it is \`err.code\`; the code of the cause is
\`err.cause.code\`. Texts may change between versions, codes do not. In code: \`isNephoscopeError(error, 'BUS_REFUSED')\`.

${groups.join('\n')}`;
}
