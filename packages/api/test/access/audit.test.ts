import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { RecordingLogger } from '@nephoscope/testing';

import { AuditFile, withoutTokens } from '../../src/access/audit.js';
import type { AuditEntry } from '../../src/access/audit.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nephoscope-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const entry = (url: string): AuditEntry => ({
  ...{ time: '2026-11-28T14:00:00.000Z', from: '127.0.0.1', method: 'GET', route: '/v2/samples' },
  ...{ url, status: 200, complete: true, rows: 1, bytes: 200, ms: 1.5 },
});

it('writes one line for each request, readable only by its user, even after the file was moved', async () => {
  const path = join(folder, 'audit.log');
  const file = new AuditFile(path, new RecordingLogger());
  for (let at = 0; at < 100; at += 1) file.add(entry(`/${at}`));
  await file.stop();
  renameSync(path, `${path}.1`);
  file.add(entry('/last\n'));
  await file.stop();
  const lines = readFileSync(`${path}.1`, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as AuditEntry).url)).toEqual(
    Array.from({ length: 100 }, (_, at) => `/${at}`),
  );
  expect(readFileSync(path, 'utf8').trimEnd()).toBe(JSON.stringify(entry('/last\n')));
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('counts and logs entries that cannot be written, and continues', async () => {
  const logger = new RecordingLogger();
  const path = join(folder, 'none', 'audit.log');
  const file = new AuditFile(path, logger);
  file.add(entry('/1'));
  file.add(entry('/2'));
  await file.stop();
  expect(logger.entries).toEqual([
    expect.objectContaining({ level: 'error', message: `the audit log cannot be written to ${path}` }),
    expect.objectContaining({ level: 'error', fields: { lost: 2 } }),
  ]);
});

it('limits the entries that wait for the disk', async () => {
  const logger = new RecordingLogger();
  const file = new AuditFile(join(folder, 'audit.log'), logger);
  const long = entry(`/${'x'.repeat(2_000)}`);
  for (let at = 0; at < 10_000; at += 1) file.add(long);
  await file.stop();
  const kept = statSync(join(folder, 'audit.log')).size / (JSON.stringify(long).length + 1);
  expect(kept).toBeLessThan(2_500);
  expect(logger.entries).toEqual([expect.objectContaining({ fields: { lost: 10_000 - kept } })]);
});

const own = `nephoscope_${'0'.repeat(16)}_${'x'.repeat(43)}`;
it.each([
  [`/v2/samples?limit=3&token=abc&q.field=a`, '/v2/samples?limit=3&token=[secret]&q.field=a'],
  ['/v2/samples?X-Auth-Token=abc', '/v2/samples?X-Auth-Token=[secret]'],
  [`/v2/samples/${own}`, '/v2/samples/[secret]'],
  [`/v2/samples?q.value=${own}`, '/v2/samples?q.value=[secret]'],
  ['/v2/samples?q.value=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', '/v2/samples?q.value=[secret]'],
  ['/v2/samples?q.value=gAAAAABn1234567890abcdefghijklmnop%3D%3D&limit=2', '/v2/samples?q.value=[secret]&limit=2'],
  [
    '/v2/resources/instance-00000001-5f3c1c4e-7b1b-4c53-9c2e-0d8f5f3c1c4e-tap0123456789',
    '/v2/resources/instance-00000001-5f3c1c4e-7b1b-4c53-9c2e-0d8f5f3c1c4e-tap0123456789',
  ],
])('logs %s as %s', (url, kept) => {
  expect(withoutTokens(url)).toBe(kept);
});
