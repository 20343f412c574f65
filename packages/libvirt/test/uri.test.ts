import { UnsupportedTransportError, UriError } from '../src/errors.js';
import { type SocketSurroundings, socketPaths } from '../src/transport/socket-path.js';
import { parseUri } from '../src/uri.js';

describe('parseUri', () => {
  it.each([
    [
      'qemu:///system',
      { driver: 'qemu', transport: 'unix', path: '/system', name: 'qemu:///system', mode: 'auto' },
    ],
    ['qemu+unix:///system', { transport: 'unix', name: 'qemu:///system', socket: undefined }],
    ['qemu+unix:///system?socket=/a%20b/c+d', { socket: '/a b/c+d', name: 'qemu:///system' }],
    ['test+unix:///default', { driver: 'test', transport: 'unix', name: 'test:///default' }],
    ['test:///default', { transport: 'unix', name: 'test:///default' }],
    ['lxc:///', { driver: 'lxc', transport: 'unix', path: '/', name: 'lxc:///' }],
    ['lxc:///system', { driver: 'lxc', name: 'lxc:///system' }],
    ['xen:///', { driver: 'xen', name: 'xen:///' }],
    ['qemu:///session', { path: '/session', name: 'qemu:///session' }],
    ['qemu+tcp://host/system', { transport: 'tcp', host: 'host', port: undefined, name: 'qemu:///system' }],
    ['qemu+tcp://host:1234/system', { transport: 'tcp', host: 'host', port: 1234 }],
    ['qemu+tcp:///system', { transport: 'tcp', host: 'localhost' }],
    ['qemu+tls://[fe80::1]:99/system', { transport: 'tls', host: 'fe80::1', port: 99, verify: true }],
    ['qemu://host/system', { transport: 'tls', host: 'host', name: 'qemu:///system' }],
    ['QEMU+TLS://host/system', { driver: 'qemu', transport: 'tls', name: 'qemu:///system' }],
    [
      'qemu+tls://user@host/system?no_verify=1&pkipath=/p',
      { host: 'host', verify: false, pkiPath: '/p', name: 'qemu:///system' },
    ],
    ['qemu+tls://host/system?no_verify=0', { verify: true }],
    ['qemu:///system?mode=direct&auth=polkit', { mode: 'direct', auth: 'polkit', name: 'qemu:///system' }],
    ['esx://host/?no_verify=1&foo=b%20r;bar', { driver: 'esx', name: 'esx:///?foo=b%20r&bar' }],
    ['qemu:///system?name=xen:///', { name: 'xen:///' }],
    ['remote:///system', { driver: 'remote', name: '' }],
    ['remote+tcp://host/', { name: '', transport: 'tcp' }],
    ['test:///path/to/node.xml#x', { path: '/path/to/node.xml', name: 'test:///path/to/node.xml#x' }],
    ['ch:///system', { driver: 'ch', name: 'ch:///system' }],
  ])('%s', (uri, expected) => {
    expect(parseUri(uri)).toMatchObject(expected);
  });

  it.each(['ssh', 'libssh', 'libssh2', 'ext', 'carrier'])(
    'reports the transport %s as not supported',
    (transport) => {
      const parse = () => parseUri(`qemu+${transport}://host/system`);
      expect(parse).toThrow(UnsupportedTransportError);
      expect(parse).toThrow(expect.objectContaining({ code: 'LIBVIRT_UNSUPPORTED_TRANSPORT', transport }));
    },
  );

  it.each([
    ['', 'expected driver'],
    ['/run/libvirt/libvirt-sock', 'expected driver'],
    ['qemu:/system', 'expected driver'],
    ['qemu+unix://host/system', 'another host'],
    ['qemu+tcp://host:99999/system', 'not a host and port'],
    ['qemu+tcp://host:x/system', 'not a host and port'],
    ['qemu:///system?mode=fast', 'mode=fast'],
    ['qemu+tls://host/system?no_verify=yes', 'no_verify=yes'],
    ['qemu+tls://host/system?tls_priority=NORMAL', 'GnuTLS'],
    ['qemu:///system?socket=%zz', 'bad % escape'],
  ])('refuses %p', (uri, problem) => {
    const parse = () => parseUri(uri);
    expect(parse).toThrow(UriError);
    expect(parse).toThrow(problem);
    expect(parse).toThrow(expect.objectContaining({ code: 'LIBVIRT_URI', uri }));
  });
});

it.each([
  'qemu+ssh://root:sekret@host/system',
  'qemu+ssh://root:12/sekret@host/system',
  'qemu+tcp://root:sekret@host:x/system',
  'qemu://root:se:kr@et@h/?mode=1',
])('does not reveal the password of %s', (uri) => {
  expect(() => parseUri(uri)).toThrow(/root:\*\*\*@h/);
  expect(() => parseUri(uri)).not.toThrow(/kr/);
});

describe('socketPaths', () => {
  const host = (present: readonly string[], superuser = true): SocketSurroundings => ({
    systemDirectory: '/run/libvirt',
    userDirectory: '/run/user/7/libvirt',
    superuser,
    exists: (path) => present.includes(path),
  });
  const choose = (uri: string, readOnly: boolean, surroundings: SocketSurroundings) =>
    socketPaths(parseUri(uri), readOnly, surroundings)[0];
  const modular = [
    '/run/libvirt/virtqemud-sock-ro',
    '/run/libvirt/virtqemud-sock',
    '/run/libvirt/libvirt-sock-ro',
  ];

  it.each([
    ['qemu:///system', true, host([]), '/run/libvirt/libvirt-sock-ro'],
    ['qemu:///system', false, host([]), '/run/libvirt/libvirt-sock'],
    ['qemu:///system', true, host(modular), '/run/libvirt/virtqemud-sock-ro'],
    ['qemu:///system', false, host(modular), '/run/libvirt/virtqemud-sock'],
    ['xen:///', true, host(modular), '/run/libvirt/libvirt-sock-ro'],
    ['lxc:///', true, host(['/run/libvirt/virtlxcd-sock-ro']), '/run/libvirt/virtlxcd-sock-ro'],
    ['qemu:///system?mode=legacy', true, host(modular), '/run/libvirt/libvirt-sock-ro'],
    ['qemu:///system?mode=direct', true, host([]), '/run/libvirt/virtqemud-sock-ro'],
    ['qemu:///system?socket=/x', true, host(modular), '/x'],
    ['qemu:///session', true, host([], false), '/run/user/7/libvirt/libvirt-sock'],
    [
      'qemu:///session',
      true,
      host(['/run/user/7/libvirt/virtqemud-sock'], false),
      '/run/user/7/libvirt/virtqemud-sock',
    ],
    ['qemu:///session', true, host([], true), '/run/libvirt/libvirt-sock-ro'],
    ['test+unix:///default', false, host([], false), '/run/user/7/libvirt/libvirt-sock'],
    ['test:///default', true, host([], false), '/run/libvirt/libvirt-sock-ro'],
  ])('%s, read-only %p', (uri, readOnly, surroundings, expected) => {
    expect(choose(uri, readOnly, surroundings)).toBe(expected);
  });
});
