import type { FilterCase } from './filter-cases.ts'
import type { RecordFields } from './record.ts'

const titles = (...texts: string[]): RecordFields[] => texts.map((title) => ({ title }))

function found(text: string, selects: readonly string[], leaves: readonly string[]): FilterCase {
  return {
    filter: { text },
    // In either field, at whichever place.
    selects: [...titles(...selects), ...selects.map((message) => ({ message: `.. ${message} ..` }))],
    leaves: [{}, { source: text, target: text, tags: [text], data: { text } }, ...titles(...leaves)],
  }
}

/** By name: what the filter's `text` finds. */
export const TEXT_CASES: Readonly<Record<string, FilterCase>> = {
  'a text is found in title and message, in upper and lower case': found(
    'Scan a',
    ['scan a', 'rescan ab', 'SCAN A'],
    ['scan', 'scan  a', 'a scan', 'sc\u00e0n a'],
  ),
  'the two fields are two texts': {
    filter: { text: 'ab' },
    selects: [{ title: 'ab', message: 'x' }],
    leaves: [{ title: 'a', message: 'b' }],
  },
  'letters of all scripts have an upper and a lower case': found(
    'über σ й 𐐀',
    ['ÜBER Σ Й 𐐨', 'Über σ й 𐐀'],
    ['uber σ й 𐐀', 'u\u0308ber σ й 𐐀'],
  ),
  'a case that is several characters is no match': found('ß', ['ß'], ['SS', 'ss']),
  'what patterns and quotes are made of stands for itself': found(
    '%_.*[a](b)\\d$^|?+{1}\'"',
    ['%_.*[A](b)\\D$^|?+{1}\'"'],
    ['xx', '%', 'aaad', ''],
  ),
  'line breaks and NUL are characters like any': found('a\n\u0000b', ['A\n\u0000B'], ['a', 'a\n', 'a\nb']),
  'how a store escapes a character is not found': found('00', ['100'], ['\u0000', '\u00000', '\ufdd0']),
  'noncharacters are found as they are': found('\ufdd00', ['\ufdd00000'], ['\u0000', '\ufdd0']),
}
