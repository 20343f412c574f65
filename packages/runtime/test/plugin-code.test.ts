import { expect, it } from '@jest/globals';

import { attributeTo, knowPluginFolder, pluginAtWork, runPluginCode, trustPlugin } from '../src/plugin-code.js';

it('runs our own plugins as the program itself, and third-party ones under their name', async () => {
  trustPlugin('cpu');
  expect(runPluginCode('cpu', () => pluginAtWork())).toBeUndefined();
  expect(runPluginCode('gpu', () => pluginAtWork())).toBe('gpu');
  const later = await attributeTo('gpu', async () => {
    await Promise.resolve();
    return [
      pluginAtWork(),
      attributeTo('cpu', () => pluginAtWork()),
      attributeTo(undefined, () => pluginAtWork()),
    ];
  });
  expect(later).toEqual(['gpu', undefined, undefined]);
});

it("does not trust another's plugin that has the name of one of ours", () => {
  trustPlugin('image');
  knowPluginFolder('image', '/somewhere/else');
  expect(runPluginCode('image', () => pluginAtWork())).toBe('image');
});

it('interrupts third-party code that loops, and passes its errors on', () => {
  const failure = new Error('its own');
  expect(() =>
    runPluginCode('loops', () => {
      for (;;);
    }),
  ).toThrow(expect.objectContaining({ code: 'PLUGIN_BLOCKED' }));
  expect(() =>
    runPluginCode('throws', () => {
      throw failure;
    }),
  ).toThrow(failure);
});
