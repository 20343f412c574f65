import { contentId, StoredTexts } from '../../src/postgresql/content-ids.js';

describe('ids of texts', () => {
  it('are the same for all who ask, and others for other texts', () => {
    // printf '%s' abc | sha256sum
    expect(contentId('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223');
    expect(contentId('abd')).not.toEqual(contentId('abc'));
  });

  it('are missing until they are said to be stored, and again when that is forgotten', () => {
    const texts = new StoredTexts(10);
    const missing = new Map<string, Buffer>();
    expect(texts.idOf('a', missing)).toEqual(contentId('a'));
    expect(texts.idOf('a', missing)).toEqual(contentId('a'));
    expect([...missing.keys()]).toEqual(['a']);
    texts.add(missing);
    const none = new Map<string, Buffer>();
    expect(texts.idOf('a', none)).toEqual(contentId('a'));
    expect(none.size).toBe(0);
    texts.forget();
    texts.idOf('a', none);
    expect(none.size).toBe(1);
  });

  it('are remembered as long as they are asked for, and no more than the limit of them', () => {
    const texts = new StoredTexts(10);
    texts.add(new Map([['often', contentId('often')]]));
    for (let at = 0; at < 100; at++) {
      const missing = new Map<string, Buffer>();
      texts.idOf('often', missing);
      texts.idOf(`once ${at}`, missing);
      expect(missing.has('often')).toBe(false);
      texts.add(missing);
    }
    const missing = new Map<string, Buffer>();
    for (let at = 0; at < 100; at++) texts.idOf(`once ${at}`, missing);
    expect(missing.size).toBeGreaterThanOrEqual(90);
  });
});
