import { existsSync } from 'node:fs';
import { isAlive } from '../processes.js';
import { startPostgresql } from '../postgresql.js';

describe('a private PostgreSQL', () => {
  it('answers after a restart, a kill and a suspension, keeps committed data, and leaves nothing behind', async () => {
    const server = await startPostgresql();
    try {
      expect(Number(await server.psql('show server_version_num'))).toBeGreaterThanOrEqual(150_000);
      expect((await server.psql('show fsync')).trim()).toBe('on');
      await server.psql('create table kept as select 42 as answer');
      const first = await server.pid();
      await server.restart();
      expect(await isAlive(first)).toBe(false);
      await server.kill();
      await expect(server.psql('select 1')).rejects.toThrow('refused');
      await server.start();
      await server.freeze();
      await server.thaw();
      expect((await server.psql('select answer from kept')).trim()).toBe('42');
    } finally {
      const last = await server.pid();
      await server.stop();
      expect(await isAlive(last)).toBe(false);
    }
    expect(existsSync(server.directory)).toBe(false);
  }, 120_000);
});
