import { readdirSync, readFileSync } from 'node:fs';

import { parseDomainXml } from '../src/domain-xml.js';

const folder = new URL('cases/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const cases = readdirSync(folder).filter((name) => name.endsWith('.xml'));

/** As JSON: unknown fields are omitted, and a bigint is its digits. */
const asJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? String(field) : field)));

describe('parseDomainXml', () => {
  it.each(cases)('%s', (name) => {
    expect(asJson(parseDomainXml(read(name)))).toEqual(JSON.parse(read(name.replace(/xml$/, 'json'))));
  });

  it.each(['', 'no XML', '<network><name>x</name></network>', '<domain'])('refuses %j', (text) => {
    expect(() => parseDomainXml(text)).toThrow();
  });

  it.each([1, 99, 199, 20_000])('accepts %i nested backingStore elements', (depth) => {
    const chain = '<backingStore>'.repeat(depth) + '</backingStore>'.repeat(depth);
    const { disks } = parseDomainXml(
      `<domain><devices><disk>${chain}<target dev='vda'/></disk><disk><target dev='vdb'/></disk></devices></domain>`,
    );
    expect(disks).toMatchObject([{ device: 'vda' }, { device: 'vdb' }]);
  });

  const nova = (version: string, project: string, prefix = 'n:', declared = true): string => {
    const declaration = declared
      ? ` xmlns${prefix === '' ? '' : ':'}${prefix.slice(0, -1)}='http://openstack.org/xmlns/libvirt/nova/${version}'`
      : '';
    return `<${prefix}instance${declaration}><${prefix}owner><${prefix}project uuid='${project}'/></${prefix}owner></${prefix}instance>`;
  };
  const projectIn = (metadata: string, attributes = ''): string | undefined =>
    parseDomainXml(`<domain>${`<metadata${attributes}>${metadata}</metadata>`}</domain>`).nova?.projectId;
  const uri = 'http://openstack.org/xmlns/libvirt/nova/1.1';

  it.each(['constructor', '__proto__', 'prototype', 'toString', 'hasOwnProperty', 'length', '#text', '@name'])(
    "accepts an element called %s beside nova's",
    (name) => {
      const tag = /^[#@]/.test(name) ? `x${name.slice(1)}` : name;
      const app = `<${tag} xmlns='urn:app' ${tag}='1'><${tag}/>x</${tag}>`;
      expect(projectIn(app + nova('1.1', 'p'))).toBe('p');
    },
  );

  it.each([
    ['on the element', () => projectIn(nova('1.1', 'p'))],
    ['by default on the element', () => projectIn(nova('1.1', 'p', ''))],
    ['on <metadata>', () => projectIn(nova('1.1', 'p', 'n:', false), ` xmlns:n='${uri}'`)],
    [
      'on <domain>',
      () =>
        parseDomainXml(`<domain xmlns:n='${uri}'><metadata>${nova('1.1', 'p', 'n:', false)}</metadata></domain>`)
          .nova?.projectId,
    ],
    [
      'with another prefix on an inner element',
      () =>
        projectIn(
          `<a:instance xmlns:a='${uri}'><b:owner xmlns:b='${uri}'><project xmlns='${uri}' uuid='p'/></b:owner></a:instance>`,
        ),
    ],
    [
      'beside the instance of another tool',
      () => projectIn(`<n:instance xmlns:n='urn:other'/>${nova('1.1', 'p')}`),
    ],
    ['beside one whose prefix is not bound', () => projectIn(`<x:instance y:z='1'/>${nova('1.1', 'p')}`)],
    ['beside the older version, before it', () => projectIn(nova('1.1', 'p') + nova('1.0', 'old'))],
    ['beside the older version, after it', () => projectIn(nova('1.0', 'old', 'm:') + nova('1.1', 'p'))],
    ['in the only version', () => projectIn(nova('1.0', 'p'))],
  ])("finds nova's namespace declared %s", (_where, project) => {
    expect(project()).toBe('p');
  });

  it('ignores elements of other namespaces', () => {
    const other = `<n:instance xmlns:n='${uri}'><n:owner xmlns:n='urn:other'><n:project uuid='x'/></n:owner></n:instance>`;
    expect(projectIn(other)).toBeUndefined();
  });

  it('accepts references, CDATA, comments, any white space, and attributes on several lines', () => {
    const { nova: found, vcpus } = parseDomainXml(`<?xml version='1.0'?>
      <!-- a comment with <domain> in it -->
      <domain
        type = "kvm"
      ><vcpu
        current='2'> 4
      </vcpu><metadata><n:instance xmlns:n="${uri}"><n:name>a &amp; <![CDATA[<b> & c]]><!-- d --> &#233;&#x1F600;</n:name>
        <n:flavor name='a &quot;b&quot; &lt;c&gt;'><n:vcpus>
          2 </n:vcpus></n:flavor></n:instance></metadata></domain>`);
    expect(vcpus).toBe(2);
    expect(found).toMatchObject({ name: 'a & <b> & c é😀', flavor: { name: 'a "b" <c>', vcpus: 2 } });
  });

  it('treats blank values as unknown', () => {
    const { nova: found } = parseDomainXml(`<domain><metadata><n:instance xmlns:n="${uri}"><n:name> </n:name>
      <n:flavor name=''><n:vcpus>2</n:vcpus></n:flavor>
      <n:owner><n:user uuid=''/><n:project uuid='   '/></n:owner></n:instance></metadata></domain>`);
    expect(found).toEqual({
      ...{ name: undefined, flavor: undefined, userId: undefined, projectId: undefined },
      ...{ imageId: undefined, createdAt: undefined },
    });
  });

  it('accepts a document of several megabytes', () => {
    const disks = Array.from({ length: 2_000 }, (_, n) => `<disk><target dev='vd${n}'/></disk>`).join('');
    const big = `<metadata><app xmlns='urn:app'>${'x'.repeat(4_000_000)}</app>${nova('1.1', 'p')}</metadata>`;
    const domain = parseDomainXml(`<domain>${big}<devices>${disks}</devices></domain>`);
    expect(domain.disks).toHaveLength(2_000);
    expect(domain.nova?.projectId).toBe('p');
  });

  it('returns frozen objects', () => {
    const { disks, vnics } = parseDomainXml(read('nwfilter.xml'));
    for (const found of [disks[0], vnics[0], vnics[0]?.parameters]) expect(Object.isFrozen(found)).toBe(true);
  });
});
