import { describe, expect, test } from '@jest/globals';
import { validate, version } from 'uuid';

import { messageId } from '../src/message-id.js';

describe('message ids', () => {
  test('are UUIDs of version 7 that begin with the time', () => {
    // The time in the example of RFC 9562.
    const id = messageId(0x017f22e279b0);
    expect(id.slice(0, 14)).toBe('017f22e2-79b0-');
    expect(validate(id)).toBe(true);
    expect(version(id)).toBe(7);
    expect(messageId(5).slice(0, 14)).toBe('00000000-0005-');
  });

  test('differ, even within a millisecond', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => messageId(1_700_000_000_000))).size).toBe(10_000);
    expect(new Set(Array.from({ length: 100 }, () => messageId())).size).toBe(100);
  });
});
