import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { sharedAmqpUrl, sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { countIn, endDaemons, startDaemon } from '../../agent-compute/test/daemon.js';
import { nephoscope, start } from './command.js';

const { TMPDIR: temporary } = process.env;
const umask = process.umask();
const folder = mkdtempSync(join(tmpdir(), 'nephoscope-modes-'));
afterAll(async () => {
  process.umask(umask);
  if (temporary === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = temporary;
  await endDaemons();
  rmSync(folder, { recursive: true });
});

/** The files in a folder, with their modes. */
function modesIn(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name)));
  return Object.fromEntries(
    paths.map((path) => [relative(directory, path), (statSync(path).mode & 0o7777).toString(8)]),
  );
}

it('programs and commands create files for their user only, even with umask 0', async () => {
  const [made, local] = [join(folder, 'made'), join(folder, 'local')];
  for (const path of [made, local]) mkdirSync(path, { mode: 0o700 });
  const database = join(made, 'store', 'samples.db');
  const uri = `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}`;
  const common = { secrets: ['a secret of the tests'], bus: { url: sharedAmqpUrl() } };
  process.umask(0);
  process.env['TMPDIR'] = made;
  const agent = startDaemon('agent-compute', {
    ...common,
    inspector: { uri },
    compute: { stateDirectory: join(made, 'agent', 'state') },
  });
  const collector = startDaemon('collector', { ...common, storage: { url: `sqlite:${database}` } });
  const central = startDaemon('agent-central', {
    ...common,
    openstack: {
      ...{ authUrl: 'http://127.0.0.1:1/v3', username: 'u', password: 'p', projectName: 'service' },
      ...{ userDomainName: 'Default', projectDomainName: 'Default' },
    },
  });
  const once = start(local, ['up', '--once'], { NEPHOSCOPE_INSPECTOR__URI: uri });
  await waitUntil('samples', async () => (await countIn(database)) > 0);
  expect(await nephoscope(folder, 'samples', '--store', `sqlite:${database}`)).toMatchObject({ code: 0 });
  expect(await once.ended).toMatchObject({ code: 0 });
  expect((await central.status('/healthz')).status).toBe(200);
  const modes = { ...modesIn(made), ...modesIn(local) };
  const files = [
    'agent/state/lock',
    'store/samples.db',
    'store/samples.db-wal',
    'nephoscope-data/nephoscope.yaml',
  ];
  expect(Object.keys(modes)).toEqual(expect.arrayContaining(files));
  expect(Object.entries(modes).filter(([, mode]) => mode !== '600' && mode !== '700')).toEqual([]);
  for (const daemon of [agent, collector, central]) expect(await daemon.stop()).toMatchObject({ code: 0 });
  const left = { ...modesIn(made), ...modesIn(local) };
  expect(Object.keys(left)).toEqual(expect.arrayContaining(['agent/state/state.json', 'agent/state/epochs.json']));
  expect(Object.entries(left).filter(([, mode]) => mode !== '600' && mode !== '700')).toEqual([]);
}, 60_000);
