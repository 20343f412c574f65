import { tcpError, unixError } from '../src/transport/connect-errors.js';

const failed = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('what to do when one cannot connect', () => {
  it.each([
    [
      'ENOENT',
      'no such socket (nor /b): install and start libvirtd or virtqemud, or name the socket with ?socket=',
    ],
    ['ECONNREFUSED', 'nobody listens there: start libvirtd or virtqemud'],
    ['EACCES', 'this user may not use it: add it to the group "libvirt", or run as root'],
    ['EAGAIN', 'connect EAGAIN'],
  ])('to a unix socket: %s', (code, advice) => {
    const cause = failed(code);
    expect(unixError('/a', ['/b'], 'qemu', cause)).toMatchObject({
      code: 'LIBVIRT_CONNECT',
      address: '/a',
      message: `cannot connect to libvirt at /a: ${advice}`,
      cause,
    });
  });

  it.each([
    ['ECONNREFUSED', 'nobody listens there: start libvirtd with listen_tcp (libvirtd.conf), or its socket unit'],
    ['ENOTFOUND', 'connect ENOTFOUND'],
  ])('to a port: %s', (code, advice) => {
    expect(tcpError('host:1', failed(code), 'listen_tcp').message).toBe(
      `cannot connect to libvirt at host:1: ${advice}`,
    );
  });
});
