/**
 * What a guest of the testbed runs: no operating system, 331 bytes of 16-bit code that the BIOS loads from
 * the first sector of the first disk. At every eighth timer tick (2.3 times a second) it reads two sectors
 * of each disk and writes one, sends an ARP probe by each NIC, and uses the processor a little; it sleeps
 * in between. So every counter of the guest moves, and sixteen of them fit on two cores.
 *
 * NICs are NE2000s on PCI (`ne2k_pci`), which take no driver to speak of. The probe asks for an address of
 * the host; the host's kernel answers to the guest, and that is what the guest receives.
 */
const code = `
                                start:
  fa                            cli
  31 c0                         xor ax, ax
  8e d8                         mov ds, ax
  8e c0                         mov es, ax
  8e d0                         mov ss, ax
  bc 00 7c                      mov sp, 0x7c00
  fc                            cld
  fb                            sti
  bf 00 06                      mov di, 0x600             ; here go the I/O ports of the NICs found, and a 0
  66 bb 00 00 00 80             mov ebx, 0x80000000       ; register 0 of device 0 on PCI bus 0

                                  ; Find the NICs.
                                scan:
  66 89 d8                      mov eax, ebx
  e8 b0 00                      call pci
  66 3d ec 10 29 80             cmp eax, 0x802910ec       ; device 8029 of vendor 10ec: NE2000
  75 0b                         jne next
  66 89 d8                      mov eax, ebx
  b0 10                         mov al, 0x10              ; base address register 0: its I/O ports
  e8 a0 00                      call pci
  24 fc                         and al, 0xfc
  ab                            stosw
                                next:
  66 81 c3 00 08 00 00          add ebx, 0x800            ; the next device
  66 81 fb 00 00 01 80          cmp ebx, 0x80010000
  72 d7                         jb scan
  31 c0                         xor ax, ax
  ab                            stosw
  bd 00 06                      mov bp, 0x600

                                  ; Set up each NIC: its address goes into the frame, the frame into its buffer.
                                nic:
  8b 5e 00                      mov bx, [bp]
  85 db                         test bx, bx
  74 39                         jz work
  be e7 7c                      mov si, setup
  e8 84 00                      call program
  8d 57 10                      lea dx, [bx+0x10]         ; the NIC's data port
  bf 27 7d                      mov di, frame.sender
  b9 06 00                      mov cx, 6
                                mac:
  ec                            in al, dx
  aa                            stosb
  ec                            in al, dx
  e2 fb                         loop mac
  be 27 7d                      mov si, frame.sender
  bf 37 7d                      mov di, frame.arpSender
  b1 03                         mov cl, 3
  f3 a5                         rep movsw
  be 07 7d                      mov si, load
  e8 66 00                      call program
  8d 57 10                      lea dx, [bx+0x10]         ; the NIC's data port
  be 21 7d                      mov si, frame
  b1 3c                         mov cl, 60
                                put:
  6e                            outsb
  e2 fd                         loop put
  be 15 7d                      mov si, run
  e8 55 00                      call program
  45                            inc bp
  45                            inc bp
  eb c0                         jmp nic

                                  ; Read and write a little on each disk.
                                work:
  b2 80                         mov dl, 0x80
                                disk:
  b8 02 02                      mov ax, 0x0202            ; read two sectors …
  bb 00 80                      mov bx, 0x8000
  b9 02 00                      mov cx, 0x0002            ; … from the second on
  88 ee                         mov dh, ch
  52                            push dx
  cd 13                         int 0x13
  5a                            pop dx
  b8 01 03                      mov ax, 0x0301            ; write one …
  b1 04                         mov cl, 0x04              ; … the fourth
  52                            push dx
  cd 13                         int 0x13
  5a                            pop dx
  fe c2                         inc dl
  88 d0                         mov al, dl
  2c 80                         sub al, 0x80
  3a 06 75 04                   cmp al, [0x475]           ; the number of disks that the BIOS knows
  72 dc                         jb disk
  be 00 06                      mov si, 0x600

                                  ; Send the frame by each NIC.
                                send:
  ad                            lodsw
  85 c0                         test ax, ax
  74 06                         jz burn
  92                            xchg dx, ax
  b0 26                         mov al, 0x26              ; transmit what is in the buffer
  ee                            out dx, al
  eb f5                         jmp send
                                burn:
  66 b9 00 00 04 00             mov ecx, 0x40000          ; use the processor a little
                                spin:
  67 e2 fd                      loop (ecx) spin
                                idle:
  f4                            hlt                       ; sleep until an interrupt: 18.2 a second from the timer
  f6 06 6c 04 07                test byte [0x46c], 7      ; the count of ticks: go on at each eighth
  75 f8                         jnz idle
  eb b9                         jmp work

                                  ; Reads the PCI register that eax names.
                                pci:
  ba f8 0c                      mov dx, 0xcf8
  66 ef                         out dx, eax
  b2 fc                         mov dl, 0xfc
  66 ed                         in eax, dx
  c3                            ret

                                  ; Writes the (register, value) pairs at si to the NIC at bx, up to (ff, ff).
                                program:
  ad                            lodsw
  3c ff                         cmp al, 0xff
  74 0a                         je done
  0f b6 d0                      movzx dx, al
  01 da                         add dx, bx
  88 e0                         mov al, ah
  ee                            out dx, al
  eb f1                         jmp program
                                done:
  c3                            ret
`;

/** Lists of (register, value) for the DP8390 of an NE2000; command register 0: 21 stop, 22 start, 61 page 1. */
const setup = `
  00 21  0e 48                  stop; transfers byte by byte
  0a 0c  0b 00  08 00  09 00    a transfer of 12 bytes from 0: the NIC's address, each byte twice
  0c 04  0d 00                  receive broadcasts; no loopback
  04 40  01 46  02 80  03 46    transmit from page 40; receive into pages 46 to 7f
  07 ff  0f 00                  forget pending interrupts; want none
  00 0a  ff ff                  start the transfer
`;
const load = `
  00 22  08 00  09 40           a transfer …
  0a 3c  0b 00  00 12  ff ff    … of 60 bytes to page 40
`;
const run = `
  05 3c  06 00                  frames of 60 bytes
  00 61  07 47  00 22  ff ff    receive from page 47 on; start
`;

/** An Ethernet frame with an ARP probe (RFC 5227): who has the address in its last four bytes? */
const frame = `
  ff ff ff ff ff ff             to all
  00 00 00 00 00 00             frame.sender
  08 06                         ARP
  00 01 08 00 06 04 00 01       a question about an IPv4 address on Ethernet
  00 00 00 00 00 00             frame.arpSender
  00 00 00 00                   a probe has no address of its own yet
  00 00 00 00 00 00
`;

/** The hexadecimal bytes in the first 32 columns of each line. */
function bytes(listing: string): Buffer {
  const columns = listing.split('\n').map((line) => line.slice(0, 32));
  return Buffer.from(columns.join('').replaceAll(' ', ''), 'hex');
}

/**
 * The 512 bytes of the boot sector.
 *
 * @param address an IPv4 address of the host that the guest's NICs are connected to
 */
export function bootSector(address: string): Buffer {
  const parts = [code, setup, load, run, frame].map(bytes);
  const sector = Buffer.alloc(512);
  const length = Buffer.concat([...parts, Buffer.from(address.split('.').map(Number))]).copy(sector);
  if (length > 510) throw new Error(`The boot sector's code has ${length} bytes; 510 fit`);
  sector.writeUInt16BE(0x55aa, 510);
  return sector;
}
