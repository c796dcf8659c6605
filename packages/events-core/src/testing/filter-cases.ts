import type { EventFilter } from '../filter/filter.ts'
import type { RecordFields } from './record.ts'

/** A filter, with events that it selects and events that it does not. */
export interface FilterCase {
  readonly filter: EventFilter
  readonly selects: readonly RecordFields[]
  readonly leaves: readonly RecordFields[]
}

const type = (...types: string[]): RecordFields[] => types.map((name) => ({ type: name }))
const source = (...sources: string[]): RecordFields[] => sources.map((name) => ({ source: name }))
const tags = (...lists: string[][]): RecordFields[] => lists.map((list) => ({ tags: list }))
const time = (...times: string[]): RecordFields[] => times.map((timestamp) => ({ timestamp }))

export const FIELD_CASES: Readonly<Record<string, FilterCase>> = {
  'the empty filter selects everything': {
    filter: {},
    selects: [{}, { type: 'a', source: 'b', priority: 0 }],
    leaves: [],
  },
  'a type selects itself': {
    filter: { types: ['scan', 'user.login'] },
    selects: type('scan', 'user.login'),
    leaves: type('scan.started', 'scanner', 'user', 'user.login.failed', 'a.scan'),
  },
  'a type wildcard selects all below it at any depth, but not the type itself': {
    filter: { types: ['scan.*'] },
    selects: type('scan.started', 'scan.a.b.c', 'scan.0'),
    leaves: type('scan', 'scanner', 'scan_x.y', 'media.scan.a', 'rescan.started'),
  },
  'an underscore in a type stands for itself': {
    filter: { types: ['a_b.*', 'c_d'] },
    selects: type('a_b.c', 'c_d'),
    leaves: type('axb.c', 'cxd', 'a_b'),
  },
  'upper and lower case of a type differ, and a hyphen stands for itself': {
    filter: { types: ['com.github.pull-request.*', 'Scan'] },
    selects: type('com.github.pull-request.Opened', 'com.github.pull-request.a.B', 'Scan'),
    leaves: type(
      'com.github.pull-request',
      'com.github.Pull-Request.Opened',
      'com.github.pull.request',
      'scan',
      'SCAN',
      'Scan.a',
    ),
  },
  'the wildcard alone selects every type, even beside other types': {
    filter: { types: ['nothing', '*'] },
    selects: type('a', 'a.b', 'x_y.z'),
    leaves: [],
  },
  'a source selects itself, case and accents included': {
    filter: { sources: ['plugin:a', 'é'] },
    selects: source('plugin:a', 'é'),
    leaves: source('plugin:A', 'PLUGIN:a', 'plugin:ab', 'plugin:', 'e', 'e\u0301', ' plugin:a', 'plugin:a '),
  },
  'a source that ends in * is a prefix': {
    filter: { sources: ['plugin:*'] },
    selects: source(
      'plugin:',
      'plugin:a',
      'plugin:*',
      'plugin:\u{10ffff}',
      'plugin:\uffff',
      'plugin:é\u0000x',
    ),
    leaves: source('plugin', 'Plugin:a', 'plugin;', 'aplugin:', 'system'),
  },
  'percent, underscore, question mark, brackets and backslash stand for themselves in a source': {
    filter: { sources: ['50%*', 'a_b', 'what?*', '[ab]*', 'c:\\d*', "o'neil"] },
    selects: source('50%', '50% off', 'a_b', 'what?!', '[ab]c', 'c:\\d\\e', "o'neil"),
    leaves: source('500', '50', 'axb', 'whatx', 'ac', 'b', 'c:d', 'oneil'),
  },
  'an asterisk that is not the last character stands for itself': {
    filter: { sources: ['a*b', '**'] },
    selects: source('a*b', '*', '*x'),
    leaves: source('ab', 'axb', 'a*bc', 'x'),
  },
  'the asterisk alone selects every source': {
    filter: { sources: ['*'] },
    selects: source('a', '*', '\u{10ffff}', '\u0000'),
    leaves: [],
  },
  'the successor of a prefix is right at the edges of Unicode': {
    filter: { sources: ['\u{10ffff}*', 'x\ud7ff*', 'y\uffff*', 'z\u007f*'] },
    selects: source('\u{10ffff}', '\u{10ffff}a', 'x\ud7ffa', 'y\uffff', 'y\uffff\u{10ffff}', 'z\u007f'),
    leaves: source('x\ue000', 'y\u{10000}', 'z\u0080', '\u{10fffe}'),
  },
  'one of the tags suffices by default': {
    filter: { tags: ['a', 'b'] },
    selects: tags(['a'], ['b'], ['x', 'b'], ['a', 'b'], ['a', 'a']),
    leaves: tags([], ['c'], ['A'], ['ab'], ['a,b'], ['a '], ['"a"']),
  },
  'all tags are required with tagsMode all': {
    filter: { tags: ['a', 'b'], tagsMode: 'all' },
    selects: tags(['a', 'b'], ['b', 'x', 'a']),
    leaves: tags([], ['a'], ['b', 'c'], ['a', 'a'], ['a', 'B'], ['a,b']),
  },
  'a repeated tag is required once': {
    filter: { tags: ['a', 'a'], tagsMode: 'all' },
    selects: tags(['a'], ['a', 'b']),
    leaves: tags(['b']),
  },
  'tags may be any strings': {
    filter: { tags: ["it's", '"', '[', '%', '\u0000', '😀'] },
    selects: tags(["it's"], ['"'], ['['], ['%'], ['\u0000'], ['x', '😀']),
    leaves: tags(['its'], ['x'], ['\u0000\u0000'], ['']),
  },
  'minPriority includes the bound': {
    filter: { minPriority: 10 },
    selects: [{ priority: 10 }, { priority: 11 }, { priority: 100 }],
    leaves: [{ priority: 0 }, { priority: 9 }],
  },
  'a minPriority of 0 selects every priority': {
    filter: { minPriority: 0 },
    selects: [{ priority: 0 }, { priority: 100 }],
    leaves: [],
  },
  'a target selects itself': {
    filter: { target: 'user:1' },
    selects: [{ target: 'user:1' }],
    leaves: [{}, { target: 'user:10' }, { target: 'User:1' }],
  },
  'the empty target selects events without a target': {
    filter: { target: '' },
    selects: [{}, { target: '' }],
    leaves: [{ target: 'x' }],
  },
  'since and until are inclusive': {
    filter: { since: '2030-01-01T00:00:00.010Z', until: '2030-01-01T00:00:00.020Z' },
    selects: time('2030-01-01T00:00:00.010Z', '2030-01-01T00:00:00.015Z', '2030-01-01T00:00:00.020Z'),
    leaves: time('2030-01-01T00:00:00.009Z', '2030-01-01T00:00:00.021Z', '2029-12-31T23:59:59.999Z'),
  },
  'since and until may be the same': {
    filter: { since: '2030-01-01T00:00:00.010Z', until: '2030-01-01T00:00:00.010Z' },
    selects: time('2030-01-01T00:00:00.010Z'),
    leaves: time('2030-01-01T00:00:00.009Z', '2030-01-01T00:00:00.011Z'),
  },
  'times with an offset and without milliseconds are understood': {
    filter: { since: '2030-01-01T02:00:00+02:00', until: '2029-12-31t19:30:00.5-05:00' },
    selects: time('2030-01-01T00:00:00Z', '2030-01-01T00:30:00.500Z'),
    leaves: time('2029-12-31T23:59:59.999Z', '2030-01-01T00:30:00.501Z'),
  },
  'times in the distant past and future are ordered correctly': {
    filter: { since: '0099-12-31T00:00:00Z', until: '9000-01-01T00:00:00Z' },
    selects: time('0100-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z', '8999-12-31T00:00:00Z'),
    leaves: time('0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'),
  },
  'all conditions must hold': {
    filter: { types: ['a.*'], sources: ['s*'], tags: ['t'], minPriority: 5, target: 'x', data: { k: 1 } },
    selects: [{ type: 'a.b', source: 'system', tags: ['t'], priority: 5, target: 'x', data: { k: 1, l: 2 } }],
    leaves: [
      { type: 'b', source: 'system', tags: ['t'], target: 'x', data: { k: 1 } },
      { type: 'a.b', source: 'user', tags: ['t'], target: 'x', data: { k: 1 } },
      { type: 'a.b', source: 'system', target: 'x', data: { k: 1 } },
      { type: 'a.b', source: 'system', tags: ['t'], target: 'x', priority: 4, data: { k: 1 } },
      { type: 'a.b', source: 'system', tags: ['t'], data: { k: 1 } },
      { type: 'a.b', source: 'system', tags: ['t'], target: 'x', data: { k: 2 } },
    ],
  },
}
