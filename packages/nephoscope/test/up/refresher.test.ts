import { Refresher } from '../../src/up/refresher.js';

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('Refresher', () => {
  it('combines requests, and runs again if one arrived meanwhile', async () => {
    const first = { started: gate(), may: gate() };
    const second = gate();
    let runs = 0;
    const refresher = new Refresher(1, async () => {
      runs += 1;
      if (runs === 2) return second.open();
      first.started.open();
      await first.may.opened;
    });
    refresher.request();
    refresher.request();
    await first.started.opened;
    refresher.request();
    refresher.request();
    expect(runs).toBe(1);
    first.may.open();
    await second.opened;
    await refresher.stop();
    expect(runs).toBe(2);
  });

  it('passes an error on and stops', async () => {
    let runs = 0;
    const refresher = new Refresher(1, () => {
      runs += 1;
      return Promise.reject(new Error('the store is away'));
    });
    refresher.request();
    await expect(refresher.failed).rejects.toThrow('the store is away');
    refresher.request();
    await refresher.stop();
    expect(runs).toBe(1);
  });

  it('does nothing after stop()', async () => {
    const refresher = new Refresher(1, () => Promise.reject(new Error('not to be done')));
    refresher.request();
    await refresher.stop();
    refresher.request();
    const outcome = await Promise.race([
      refresher.failed.catch(() => 'done'),
      new Promise((resolve) => setTimeout(resolve, 20, 'not done')),
    ]);
    expect(outcome).toBe('not done');
  });
});
