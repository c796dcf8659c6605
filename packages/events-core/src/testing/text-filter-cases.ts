import type { FilterCase } from './filter-cases.ts'
import type { RecordFields } from './record.ts'

const titles = (...texts: string[]): RecordFields[] => texts.map((title) => ({ title }))

function found(text: string, selects: readonly string[], leaves: readonly string[]): FilterCase {
  return {
    filter: { text },
    // In either field, at any place.
    selects: [...titles(...selects), ...selects.map((message) => ({ message: `.. ${message} ..` }))],
    leaves: [{}, { source: text, target: text, tags: [text], data: { text } }, ...titles(...leaves)],
  }
}

/** Cases by name: texts that the filter's `text` finds and texts that it does not. */
export const TEXT_CASES: Readonly<Record<string, FilterCase>> = {
  'a text is found in title and message, regardless of case': found(
    'Scan a',
    ['scan a', 'rescan ab', 'SCAN A'],
    ['scan', 'scan  a', 'a scan', 'sc\u00e0n a'],
  ),
  'a text must be in one field, not across both': {
    filter: { text: 'ab' },
    selects: [{ title: 'ab', message: 'x' }],
    leaves: [{ title: 'a', message: 'b' }],
  },
  'case is ignored in all scripts': found(
    'über σ й 𐐀',
    ['ÜBER Σ Й 𐐨', 'Über σ й 𐐀'],
    ['uber σ й 𐐀', 'u\u0308ber σ й 𐐀'],
  ),
  'a letter does not match a case form of several characters': found('ß', ['ß'], ['SS', 'ss']),
  'characters of patterns and quotes stand for themselves': found(
    '%_.*[a](b)\\d$^|?+{1}\'"',
    ['%_.*[A](b)\\D$^|?+{1}\'"'],
    ['xx', '%', 'aaad', ''],
  ),
  'line breaks and NUL are ordinary characters': found('a\n\u0000b', ['A\n\u0000B'], ['a', 'a\n', 'a\nb']),
  'the escape sequences of a store are not found': found('00', ['100'], ['\u0000', '\u00000', '\ufdd0']),
  'noncharacters are found unchanged': found('\ufdd00', ['\ufdd00000'], ['\u0000', '\ufdd0']),
}
