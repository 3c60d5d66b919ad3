/** Milliseconds since the Unix epoch, within the years 0000 to 9999. */
export type Timestamp = number & { readonly timestamp: unique symbol }

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`. */
export const formatTimestamp = (time: Timestamp): string => new Date(time).toISOString()

/** The time that exactly this spelling names, or `undefined`. */
export const parseTimestamp = (text: string): Timestamp | undefined => {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/.test(text)) return undefined
  const date = new Date(text)
  return Number.isNaN(date.getTime()) || date.toISOString() !== text
    ? undefined
    : (date.getTime() as Timestamp)
}
