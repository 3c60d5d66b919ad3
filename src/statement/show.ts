/** Of what others wrote, in a message. */
export const MAX_SHOWN_CHARACTERS = 80

/**
 * Hostile text for a message: quoted, cut, and in printable ASCII, so that it can neither move a
 * terminal's cursor nor forge a line of a log.
 */
export const show = (text: string): string => {
  const cut =
    text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}...` : text
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
