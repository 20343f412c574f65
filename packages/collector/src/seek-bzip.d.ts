declare module 'seek-bzip' {
  const Bunzip: {
    /** Writes to `output` what `input` holds; `multistream` reads all streams that stand in it, one behind the other. */
    decode(input: Uint8Array, output: { writeByte(byte: number): void }, multistream?: boolean): void;
  };
  export default Bunzip;
}
