import { configure } from '@nephoscope/runtime';

import { apiProgram } from '../src/program.js';

const configured = (values: Record<string, unknown>) =>
  configure(apiProgram, { values, warnings: [], locate: () => 'here' });
const storage = { url: 'sqlite:/nowhere/samples.db' };

it('needs no bus to read', async () => {
  const { chosen, config } = await configured({ storage });
  expect(Object.keys(chosen)).toEqual(['storage']);
  expect(config.api.posting).toBe(false);
});

it('needs a bus to take samples', async () => {
  const api = { posting: true };
  await expect(configured({ storage, api })).rejects.toThrow('bus.url: is required');
  const { chosen } = await configured({ storage, api, bus: { url: 'amqp://127.0.0.1/' } });
  expect(Object.keys(chosen).sort()).toEqual(['bus', 'storage']);
});
