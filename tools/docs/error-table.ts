/** Every error code of the packages: what it means, and what to do. docs/errors.md is made of it. */
export interface ErrorGroup {
  readonly title: string;
  readonly about?: string;
  readonly codes: Readonly<Record<string, { readonly means: string; readonly what: string }>>;
}

const defect = 'A defect of the program or plugin that reports it: tell its authors.';

export const errorTable: readonly ErrorGroup[] = [
  {
    title: 'Configuration',
    codes: {
      CONFIG_UNREADABLE: {
        means: 'The configuration file is not there or is not YAML; each error has its line.',
        what: 'Name the right file with `--config`, or mend the lines. Put texts that begin with `*` in quotes.',
      },
      CONFIG_INVALID: {
        means:
          'The configuration has mistakes: all of them, each with its path and its line or environment variable.',
        what: 'Mend them; [configuration.md](configuration.md) has every key.',
      },
      CONFIG_UNWRITABLE: {
        means: '`nephoscope up` found no configuration and cannot write one in this folder.',
        what: 'Go to a folder of your own, or name a file with `--config`.',
      },
      SECRET_EMPTY: {
        means: 'There is no secret to sign or verify with.',
        what: 'Set `secrets`, the same for agents and collectors.',
      },
      STATUS_ADDRESS: {
        means: 'The address for health and metrics cannot be had.',
        what: 'Choose another `status.port` or `status.address`, or end what listens there.',
      },
    },
  },
  {
    title: 'Plugins',
    codes: {
      PLUGIN_DECLARATION: {
        means: 'A `package.json` or its `nephoscope` cannot be understood, or a dependency is not installed.',
        what: 'Run `npm install` in the folder that the message names; else mend or uninstall the package.',
      },
      PLUGIN_TWICE: {
        means: 'Two packages declare a plugin of one name; the message names both.',
        what: 'Uninstall one of them.',
      },
      PLUGIN_IMPORT: {
        means: 'The code of a plugin cannot be loaded, or not within 10 s.',
        what: 'Look at the cause. Install the package anew, update it, or name the plugin in `disabled`.',
      },
      PLUGIN_INVALID: {
        means:
          'What a package declared as a plugin is none, is one for another namespace, or says or makes what no plugin does: a part to read that there is not, a malformed table of meters, nothing from `create`.',
        what: 'Tell its authors; until then uninstall it or name it in `disabled`.',
      },
      PLUGIN_API: {
        means: 'A plugin was made for another version of the plugin contract.',
        what: 'Install versions of the program and of the plugin that belong together.',
      },
      PLUGIN_DECLINED: {
        means: 'A plugin has nothing to do on this host. It is told and is no failure.',
        what: 'Nothing; name it in `disabled` to hear no more of it.',
      },
      PLUGINS_FAILED: {
        means: 'With `--once`: pollsters could not be loaded, so that their meters are missing.',
        what: 'Look at the failures before it in the log.',
      },
      PLUGIN_BLOCKED: {
        means:
          'A plugin kept the program to itself and was cut off: a loop or a regular expression that does not end, a call that waits. Its counters are missing; it is then left alone for a minute, and longer when it happens again. Notifications that a plugin had no turn with are dead letters, for `nephoscope dead-letters replay`.',
        what: 'Tell its authors; until then name it in `disabled`.',
      },
      PROGRAM_BLOCKED: {
        means:
          'The program answered nothing for 4 s, or not when it was told to stop, as code in a timer, after an `await` or of a plugin that is imported did not end, and was ended by SIGKILL. The line has the place in `err.at`, but where it slept in a call of the system’s.',
        what: 'As above. What was taken is in the spool; have a supervisor start the program again.',
      },
      PROCESS_GUARDED: {
        means:
          'Something other than the program called what ends or changes the whole process: `process.exit`, `abort`, `kill`, `chdir`, `umask`, took away its listeners, or emitted a signal. It was refused.',
        what: defect,
      },
      UNHANDLED: {
        means:
          'An error that nobody handled and that is no plugin’s. The program ends with code 1; what was taken is in the spool.',
        what: defect,
      },
      ENDED_UNASKED: {
        means: 'The process ended though nobody asked it to; its exit code is not 0.',
        what: defect,
      },
      METER_NAME: {
        means: 'A plugin declares a meter twice or under a name that is none.',
        what: defect,
      },
      METER_UNDECLARED: { means: 'A pollster made a counter of a meter that is not in its table.', what: defect },
      TOTAL_INVALID: {
        means: 'A pollster made a total of a meter that is not cumulative, or of parts of which two have one key.',
        what: defect,
      },
      METER_VOLUME: { means: 'A counter’s volume is not a finite number.', what: defect },
      COUNTER_INVALID: {
        means:
          'A counter cannot be sent, and costs only itself: a field is not of its kind, metadata or a text cannot be written as JSON, or the message would be over 1 MiB or 5,000 values.',
        what: defect,
      },
      COUNTERS_TOO_MANY: {
        means:
          'A pollster yields more than 10,000 counters of one instance, or more than 16 MiB. None of them is taken.',
        what: defect,
      },
      MISSING_INVALID: {
        means: 'A pollster says that a figure is missing, and gives no proper reason.',
        what: defect,
      },
    },
  },
  {
    title: 'Compute agent',
    codes: {
      INSPECTOR_UNAVAILABLE: {
        means:
          'The hypervisor cannot be read. At the start of the agent it ends it; later it costs the cycle, and connecting is tried again.',
        what: 'Start libvirtd or virtqemud; check `inspector.uri` and that this user may open the read-only socket.',
      },
      STATE_DIRECTORY: {
        means: 'The state directory cannot be used, or another agent uses it.',
        what: 'The message says what: permissions, space, another agent (`compute.stateDirectory`), or a file of which neither of two copies can be read. Do not begin with an empty directory or an older copy: epochs would be used again.',
      },
      NOTHING_TO_POLL: {
        means: 'No compute pollster is active.',
        what: 'Install one, or mend `compute.enabled` and `compute.disabled`.',
      },
      CYCLE_TIMEOUT: {
        means: 'A cycle took longer than `compute.timeout`; what was not read by then is missing.',
        what: 'Look for what is slow: the log names instances that do not answer and pollsters that are not done.',
      },
      POLLSTER_TIMEOUT: {
        means: 'A pollster was not done with an instance when the time of the cycle was over.',
        what: 'Ask what the pollster waits for; its counters of that instance are missing in that cycle.',
      },
      POLLSTER_PENDING: {
        means: 'A pollster has not come back from an earlier cycle and is not called again until it has.',
        what: 'As above; disable the pollster when it stays so.',
      },
      POLLSTER_LATE: {
        means: 'A pollster told of a missing figure after its poll was over.',
        what: 'Tell its authors: what it was given is for one poll.',
      },
      POLLSTERS_FAILED: {
        means: 'With `--once`: counters are missing because pollsters failed.',
        what: 'Look at the failures before it in the log.',
      },
      READING_TIMEOUT: {
        means: 'A reading beside the cycles, of an instance that starts or ends, was not done in its time.',
        what: 'Look for a guest that is stuck or a libvirtd that is overloaded; the cycles go on.',
      },
      ONCE_TIMEOUT: {
        means: 'With `--once`: not done within its time.',
        what: 'Look at what the message waited for: the hypervisor or the bus.',
      },
      SPOOL_UNAVAILABLE: {
        means: 'The spool in the state directory cannot be read or written: a full, read-only or broken disk.',
        what: 'Free space, or mend permissions or the disk. At the start the agent ends; later it tries until the end of the cycle, takes nothing and tries again with the next.',
      },
      SPOOL_FULL: {
        means:
          'The spool holds as much as `compute.spool.maxBytes` allows, and nothing in it can be thinned any more.',
        what: 'Look at the bus, or raise the bound. What is not taken is not lost: cumulative meters go on from where they are.',
      },
      SAMPLES_UNSENT: {
        means: 'Samples were taken and the bus has not confirmed them.',
        what: 'Look at the bus. They are in the spool and sent by the next run; a counter of `send-counter` is not, and the line says how to repeat it.',
      },
      AGENT_NOT_STARTED: { means: 'A compute agent was used before it was started.', what: defect },
    },
  },
  {
    title: 'Message bus',
    codes: {
      BUS_UNAVAILABLE: {
        means: 'No broker, no connection, or no confirmation; the message says which and where.',
        what: 'Start RabbitMQ, look at the network and at RabbitMQ’s log. What was not confirmed is sent again by itself.',
      },
      BUS_REFUSED: {
        means: 'The broker does not let the user in, or not into the virtual host.',
        what: 'Correct `bus.url`, or add the user, the virtual host and the permissions with `rabbitmqctl`.',
      },
      BUS_MANAGEMENT: {
        means: 'The management API of RabbitMQ, where policies are looked up, does not answer as it should.',
        what: 'Correct `bus.management`; the user needs the tag `management`. Samples do not depend on it.',
      },
      BUS_TLS: {
        means: 'There is no trusted TLS connection, or a TLS file cannot be read.',
        what: 'Check `bus.tls` and the name in the broker’s certificate.',
      },
      BUS_TOPOLOGY: {
        means: 'The broker neither has nor makes an exchange or queue.',
        what: 'Delete or rename what is in the way; the message names it.',
      },
      BUS_UNROUTABLE: {
        means: 'No queue wants a message.',
        what: 'Bind a queue for the exchange and the routing key that the message names.',
      },
      BUS_IN_PROCESS: {
        means: '`send-counter` or `dead-letters` with the in-process bus, which ends with the command.',
        what: 'Configure the bus that a collector reads, such as `amqp`.',
      },
    },
  },
  {
    title: 'Samples and stores',
    codes: {
      STORE_UNAVAILABLE: {
        means:
          'The store cannot take or give anything now: full disk, permissions, a lock, no connection, a server that does not answer or only reads, not started, or a failure that is not known.',
        what: 'Remove the cause that the message names. The collector tries again by itself; what it has not recorded stays in the queue.',
      },
      STORE_BUSY: {
        means: 'Another program has been removing samples from the same database, and nothing was removed.',
        what: 'Nothing: it is tried again. The message names the other program and its host.',
      },
      STORE_REFUSED: {
        means:
          'PostgreSQL refuses the user, the password or the database, asks for a way of logging in that there is not here, or the user lacks a permission; or a connection pooler stands before it that works by transactions.',
        what: 'Correct `storage.url`, or the rights: see docs/postgresql.md.',
      },
      STORE_TLS: {
        means:
          'There is no TLS connection to PostgreSQL that can be trusted, or a file of `storage.tls` cannot be read.',
        what: 'Check the files, the server’s certificate and `sslmode`.',
      },
      STORE_INVALID: {
        means:
          'The file is no SQLite database, is damaged, or belongs to another program; a PostgreSQL is older than 15, or its database is not of the encoding UTF8.',
        what: 'Give another `storage.url`, or restore a backup.',
      },
      STORE_SCHEMA_NEWER: { means: 'A newer version wrote the database.', what: 'Update the program.' },
      STORE_SCHEMA_OLDER: {
        means: 'A command that reads what was recorded found a database of an older version, and leaves it so.',
        what: 'Start a collector of this version, which updates it.',
      },
      STORE_MISSING: {
        means: 'A command that reads what was recorded found no database, or one without tables.',
        what: 'Check `storage.url` or `--store`; before the first sample there is none.',
      },
      SAMPLE_INVALID: {
        means:
          'A sample that no store can hold: its time or number does not fit into 64 bits, its volume has more digits than PostgreSQL takes. It goes to the dead letters.',
        what: 'Look at who sent the message that is named.',
      },
      SAMPLE_WITHOUT_VOLUME: {
        means:
          "The volume of a metering message is null: nothing was measured, as in Ceilometer's `image.size` of an image that is queued. The collector acknowledges and counts it; it is no dead letter.",
        what: 'Nothing, where this is known of the meter; else look at the agent that sends it.',
      },
      BODY_COMPRESSED: {
        means:
          'A message came compressed (`kombu_compression`), and it is damaged, too large without it, or in a form that cannot be read here (lzma; zstd before Node 22.15). It is among the dead letters as it came.',
        what: 'Have the sender compress by gzip or bzip2, or not at all. What is too large is nothing that a service sends.',
      },
      MESSAGE_UNREADABLE: {
        means:
          'A metering message is not what it should be; the field is named. The collector puts it into the dead letters.',
        what: 'Look at the dead letters, and at who sent it.',
      },
      JSON_INVALID: {
        means:
          'A text is not JSON, or JSON that is refused: a key twice in one object, half a surrogate pair, more than 64 levels, a number of more than 4,300 characters or 40 digits of exponent, more than 1,000 keys that are digits alone; in a metering message more than 5,000 values.',
        what: 'Look at who wrote it.',
      },
      TIMESTAMP_INVALID: {
        means: 'A text is not an ISO 8601 time.',
        what: 'Write it as `2026-11-22T21:00:00.194936+00:00`.',
      },
    },
  },
  {
    title: 'The command `nephoscope`',
    codes: {
      DEADLINE: {
        means: 'Something was not done in the time that the message names.',
        what: 'Look at what it waited for.',
      },
      DROP_UNCLEAR: {
        means: '`dead-letters drop` was not told which letters to delete.',
        what: 'Give `--reason` or `--limit`, or `--all --yes` for all of them.',
      },
      INTERRUPTED: { means: 'The command was interrupted before it was done.', what: 'Run it again.' },
      METADATA_INVALID: { means: '`--metadata` is not a JSON object.', what: 'Write it as `{"key": "value"}`.' },
      NUMBER_INVALID: {
        means: 'A number is none, or cannot be sent with every digit.',
        what: 'Write digits; one with a fraction may have about 15.',
      },
      OUTPUT_CLOSED: {
        means:
          'Nobody reads the output any more, as in `nephoscope samples \\| head`. It ends the command and is no failure.',
        what: 'Nothing.',
      },
      OUTPUT_FAILED: { means: 'The output cannot be written.', what: 'Look at the cause, such as a full disk.' },
      SAMPLES_UNRECORDED: {
        means: '`up --once`: samples were sent and are not in the store.',
        what: 'Look for what the collector refused, or for another collector on the same queue.',
      },
      SAMPLES_UNVERIFIED: {
        means: '`verify`: stored samples are not what was signed with the configured secrets.',
        what: 'Add the secret that was in use then to `secrets`; what then fails was changed.',
      },
    },
  },
  {
    title: 'Start and stop',
    codes: {
      STOPPED: {
        means: 'Something ended because the program was told to stop. It is no failure.',
        what: 'Nothing.',
      },
      START_TIMEOUT: {
        means:
          'A part of the program, a plugin such as the inspector, did not come back from its start; it is named.',
        what: 'Look why it hangs; of a plugin of others, tell its authors.',
      },
      STOP_FAILED: {
        means: 'Parts of the program did not stop cleanly; the message names them.',
        what: 'Look at the causes.',
      },
      STOP_TIMEOUT: {
        means:
          'A part of the program had not stopped after 5 s and was left behind, or the program had not 10 s after the signal, or something was left open, and it was ended. Samples that were taken are safe: on the bus or in the state directory as far as either was reached.',
        what: defect,
      },
    },
  },
  {
    title: 'Notifications',
    codes: {
      NOTIFICATION_UNREADABLE: {
        means: 'A message on the queue of notifications is no notification; the text says what is wrong with it.',
        what: 'Find what publishes it. The dead letter holds its size and hash, not its content.',
      },
      NOTIFICATION_FIELD: {
        means:
          'A notification lacks a field that a plugin needs, or has it with a wrong type; the message names it.',
        what: 'Look at the dead letter: the other plugins counted it. Tell the authors of the plugin which version of the service sent it.',
      },
      NOTIFICATION_ITEMS: {
        means:
          'Of several resources that a notification is about some cannot be counted; the message says how many and why the first. The others are counted.',
        what: 'Look at the dead letter. Sent again, it counts nothing twice.',
      },
    },
  },
  {
    title: 'The cloud',
    codes: {
      OPENSTACK_CONFIG: {
        means: 'What is configured of the cloud lacks something or contradicts itself.',
        what: 'Set what the message names: in the section `openstack`, in `clouds.yaml` or by `OS_…` variables.',
      },
      OPENSTACK_AUTH: {
        means: 'Keystone does not let us in, or a service refuses a fresh token.',
        what: 'Check user, secret, domains and project; of a service its section `keystone_authtoken`.',
      },
      OPENSTACK_ENDPOINT: {
        means: 'The catalogue has no such service, interface or region, or a URL does not belong to it.',
        what: 'Install the service, correct `openstack.interface` or `openstack.region`, or disable the pollsters that need it.',
      },
      OPENSTACK_HTTP: {
        means: 'A service refused a request; the message has its status and request id.',
        what: 'On 403 give the user the role; otherwise look the request id up in the log of the service.',
      },
      OPENSTACK_UNAVAILABLE: {
        means: 'A service did not answer in time or after retries, or its certificate is not trusted.',
        what: 'See to the service; give `openstack.cacert`. The agent tries again in its next cycle.',
      },
      OPENSTACK_ANSWER: {
        means:
          'What came is no JSON, has no such list, is more than any service says, or its pages lead in a circle or to another server.',
        what: 'See what answers at that URL.',
      },
      CLOUD_ITEM: {
        means:
          'A service lists an item without an id, or with a field of a wrong type. Only its counters are missing.',
        what: 'Look at the item in the service.',
      },
      FAKE_CLOUD: {
        means:
          'A test asked the fake cloud of `@nephoscope/testing` for something that it was given no answer to.',
        what: 'Give it one.',
      },
    },
  },
  {
    title: 'The libvirt client',
    about:
      'Errors of `@nephoscope/libvirt`. In a compute agent they are causes of `INSPECTOR_UNAVAILABLE` or stand in the reason of a missing figure.',
    codes: {
      LIBVIRT_REMOTE: {
        means: 'The daemon answered with an error; it has libvirt’s own code and domain.',
        what: 'Look at the message: it is libvirt’s.',
      },
      LIBVIRT_TIMEOUT: {
        means: 'A call’s deadline passed.',
        what: 'Look for a guest whose QEMU hangs, or a daemon that does.',
      },
      LIBVIRT_ABORTED: { means: 'The caller ended a call.', what: 'Nothing.' },
      LIBVIRT_CONNECT: {
        means: 'There is no connection; the message names the address.',
        what: 'Start the daemon; check the URI and the permissions of its socket.',
      },
      LIBVIRT_CONNECTION_CLOSED: {
        means: 'The connection ended before the answer.',
        what: 'Look at the daemon’s log; the agent connects again by itself.',
      },
      LIBVIRT_FRAMING: {
        means: 'What came is not libvirt’s protocol.',
        what: 'Check that the URI’s address is a libvirt daemon’s.',
      },
      LIBVIRT_KEEPALIVE: {
        means: 'The daemon gave no sign of life.',
        what: 'Look at the daemon and the network; the agent connects again by itself.',
      },
      LIBVIRT_URI: {
        means: 'The URI cannot be understood.',
        what: 'Write it as libvirt does, such as `qemu:///system`.',
      },
      LIBVIRT_UNSUPPORTED_TRANSPORT: {
        means: 'The URI asks for a transport that this client does not have, such as ssh.',
        what: 'Use a socket, TCP or TLS.',
      },
      LIBVIRT_UNSUPPORTED_AUTH: {
        means: 'The daemon asks for an authentication that this client does not have, such as SASL.',
        what: 'Use the read-only socket, or let the daemon ask for none or polkit.',
      },
      LIBVIRT_ARGUMENT: { means: 'The protocol cannot carry an argument; nothing was sent.', what: defect },
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

Every failure that somebody can act on has a stable code. In the logs it is \`err.code\`, and \`err.cause.code\` is that of what
caused it. Texts may change between versions; codes do not. In code: \`isNephoscopeError(error, 'BUS_REFUSED')\`.

${groups.join('\n')}`;
}
