declare module 'xsalsa20' {
  interface XSalsa20 {
    /** XORs `input` with the next bytes of the key stream. */
    update(input: Uint8Array, output: Uint8Array): Uint8Array
    /** Gives the cipher's memory back; it must not be used again. */
    finalize(): void
  }
  const xsalsa20: (nonce: Uint8Array, key: Uint8Array) => XSalsa20
  // biome-ignore lint/style/noDefaultExport: this is how the package exports it
  export default xsalsa20
}
