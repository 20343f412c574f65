import { readFileSync } from 'node:fs';

const programs = ['agent-compute', 'agent-central', 'collector'];

/** The lines of a unit's section, grouped by key. */
function sectionOf(text: string, section: string): Readonly<Record<string, readonly string[]>> {
  const values: Record<string, string[]> = {};
  let current = '';
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    const head = /^\[(\w+)\]$/.exec(line)?.[1];
    if (head !== undefined) current = head;
    else if (current === section) {
      const [key = '', ...value] = line.split('=');
      (values[key] ??= []).push(value.join('='));
    }
  }
  return values;
}

const read = (program: string, file: string) =>
  readFileSync(new URL(`../../${program}/${file}`, import.meta.url), 'utf8');

it.each(programs)('runs %s without privileges, and is shipped with it', (program) => {
  const service = sectionOf(read(program, `systemd/nephoscope-${program}.service`), 'Service');
  expect(service).toMatchObject({
    Type: ['notify'],
    NotifyAccess: ['all'],
    ExecStart: [`/opt/nephoscope/node_modules/.bin/nephoscope-${program}`],
    User: ['nephoscope'],
    Group: ['nephoscope'],
    UMask: ['0077'],
    NoNewPrivileges: ['yes'],
    CapabilityBoundingSet: [''],
    ProtectSystem: ['strict'],
    ProtectHome: ['yes'],
    SystemCallFilter: ['@system-service', '~@privileged'],
  });
  // V8 compiles at run time; the id of the boot is in /proc/sys.
  expect(service).not.toHaveProperty('MemoryDenyWriteExecute');
  expect(service).not.toHaveProperty('ProcSubset');
  const { bin, files } = JSON.parse(read(program, 'package.json')) as {
    readonly bin: object;
    readonly files: readonly string[];
  };
  expect(Object.keys(bin)).toEqual([`nephoscope-${program}`]);
  expect(files).toContain('systemd');
});

it('creates the default directories of the programs, closed to others', () => {
  const directories = programs.map((program) => {
    const { StateDirectory, StateDirectoryMode } = sectionOf(
      read(program, `systemd/nephoscope-${program}.service`),
      'Service',
    );
    return [...(StateDirectory ?? []), ...(StateDirectoryMode ?? [])];
  });
  expect(directories).toEqual([['nephoscope/agent-compute', '0700'], [], ['nephoscope', '0700']]);
  expect(read('agent-compute', 'src/options.ts')).toContain("'/var/lib/nephoscope/agent-compute'");
});
