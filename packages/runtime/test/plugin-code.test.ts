import { expect, it } from '@jest/globals';

import { attributeTo, knowPluginFolder, pluginAtWork, runPluginCode, trustPlugin } from '../src/plugin-code.js';

it('runs built-in plugins as part of the program, and third-party ones under their name', async () => {
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

it('treats a third-party plugin as such even if it has the name of a built-in one', () => {
  trustPlugin('image');
  knowPluginFolder('image', '/somewhere/else');
  expect(runPluginCode('image', () => pluginAtWork())).toBe('image');
});

it('interrupts looping third-party code, and passes its errors on', () => {
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
