/** The names in a zip, by its central directory. */
export function listFiles(zip: Uint8Array): string[] {
  const bytes = Buffer.from(zip)
  const names: string[] = []
  for (let at = bytes.indexOf('PK\u0001\u0002'); at >= 0; at = bytes.indexOf('PK\u0001\u0002', at + 46)) {
    names.push(bytes.toString('utf8', at + 46, at + 46 + bytes.readUInt16LE(at + 28)))
  }
  return names
}
