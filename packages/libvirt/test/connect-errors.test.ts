import { tcpError, tlsError, unixError } from '../src/transport/connect-errors.js';

const failed = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('advice when a connection fails', () => {
  it.each([
    [
      'ENOENT',
      'no such socket (nor /b): install and start libvirtd or virtqemud, or name the socket with ?socket=',
    ],
    ['ECONNREFUSED', 'no process listens there: start libvirtd or virtqemud'],
    [
      'EACCES',
      'this user may not use it: let it by unix_sock_ro_perms (libvirtd.conf; SocketMode where systemd makes it) and the rights to its folder',
    ],
    ['EAGAIN', 'connect EAGAIN'],
  ])('for a Unix socket: %s', (code, advice) => {
    const cause = failed(code);
    expect(unixError('/a', ['/b'], 'qemu', cause)).toMatchObject({
      code: 'LIBVIRT_CONNECT',
      address: '/a',
      message: `cannot connect to libvirt at /a: ${advice}`,
      cause,
    });
  });

  it('for a writable socket names the read-only one', () => {
    expect(unixError('/run/libvirt/libvirt-sock', [], 'qemu', failed('EACCES')).message).toBe(
      'cannot connect to libvirt at /run/libvirt/libvirt-sock: this user may not use it; to read, /run/libvirt/libvirt-sock-ro is enough: name that one, or none',
    );
  });

  it.each([
    [
      'ECONNREFUSED',
      'no process listens there: start libvirtd with listen_tcp (libvirtd.conf), or its socket unit',
    ],
    ['ENOTFOUND', 'connect ENOTFOUND'],
  ])('for a port: %s', (code, advice) => {
    expect(tcpError('host:1', failed(code), 'listen_tcp').message).toBe(
      `cannot connect to libvirt at host:1: ${advice}`,
    );
  });

  const files = { ca: '/ca', crl: '/crl', cert: '/cert', key: '/key' };
  it.each([
    ['CRL_HAS_EXPIRED', /list of revoked ones, \/crl/],
    ['UNABLE_TO_GET_CRL', /list of revoked ones, \/crl/],
    ['CERT_REVOKED', /revoked by \/crl/],
    ['CERT_HAS_EXPIRED', /its authority in \/ca, is not valid now/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /no authority in \/ca/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /no authority in \/ca/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak a TLS version/],
    ['ECONNREFUSED', /listen_tls/],
  ])('for TLS: %s', (code, advice) => {
    expect(tlsError('host:1', files, failed(code)).message).toMatch(advice);
  });
});
