/** Seconds since 1970 as an HTTP date (RFC 9110 §5.6.7). */
export function toHttpDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString()
}
