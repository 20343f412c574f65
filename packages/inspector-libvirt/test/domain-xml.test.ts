import { readdirSync, readFileSync } from 'node:fs';

import { parseDomainXml } from '../src/domain-xml.js';

const folder = new URL('cases/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const cases = readdirSync(folder).filter((name) => name.endsWith('.xml'));

/** As JSON shows it: what is unknown is not there, a bigint is its digits. */
const asJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? String(field) : field)));

describe('parseDomainXml', () => {
  it.each(cases)('%s', (name) => {
    expect(asJson(parseDomainXml(read(name)))).toEqual(JSON.parse(read(name.replace(/xml$/, 'json'))));
  });

  it.each(['', 'no XML', '<network><name>x</name></network>', '<domain'])('refuses %j', (text) => {
    expect(() => parseDomainXml(text)).toThrow();
  });

  it('gives what nobody can change', () => {
    const { disks, vnics } = parseDomainXml(read('nwfilter.xml'));
    for (const found of [disks[0], vnics[0], vnics[0]?.parameters]) expect(Object.isFrozen(found)).toBe(true);
  });
});
