import { MAX_INLINE_BYTES } from './limits.ts'
import type { Collection, Item } from './collection.ts'
import type { WireItem } from './wire.ts'

/** An item as it goes out from here, with its content if that is small and here. */
export const packItem = async (
  collection: Collection,
  item: Item,
  signal: AbortSignal,
): Promise<WireItem> => {
  const { name, content, bytes: record } = item
  if (content === undefined || !collection.holds(item)) return { holds: false, record }
  if (content.sizeBytes > MAX_INLINE_BYTES) return { holds: true, record }
  try {
    const held = await collection.open(name, content.digest, signal)
    if (held === undefined) return { holds: false, record }
    const inline = new Uint8Array(content.sizeBytes)
    let at = 0
    for await (const chunk of held.stream({ start: 0, signal })) {
      inline.set(chunk, at)
      at += chunk.length
    }
    if (at === inline.length) return { holds: true, record, content: inline }
  } catch {
    // It was replaced while we read it; a fetch will find out.
  }
  return { holds: false, record }
}
