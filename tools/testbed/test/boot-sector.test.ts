import { bootSector } from '../boot-sector.js';

describe('bootSector', () => {
  it('is one sector with its signature and, in the last word of its code, the address of the ARP probe', () => {
    const sector = bootSector('198.51.100.7');
    expect(sector).toHaveLength(512);
    expect(sector.readUInt16BE(510)).toBe(0x55aa);
    expect(sector.indexOf(Buffer.from([198, 51, 100, 7]))).toBe(327);
    expect(sector.subarray(331, 510).every((byte) => byte === 0)).toBe(true);
  });
});
