// The smallest possible media files with real tags.

export interface SongTags {
  readonly title?: string
  readonly artist?: string
  readonly track?: number
}

/** Functions that create files, by extension. */
export const FORMATS = { wav, flac, mp3, mp4 } as const

/** RIFF with a LIST INFO chunk: Latin-1 only. */
function wav({ title, artist, track }: SongTags): Buffer {
  const info = [
    ...riffText('INAM', title),
    ...riffText('IART', artist),
    ...riffText('ITRK', track?.toString()),
  ]
  const format = Buffer.alloc(16)
  format.writeUInt16LE(1, 0) // PCM
  format.writeUInt16LE(1, 2) // channel
  format.writeUInt32LE(8_000, 4) // samples per second
  format.writeUInt32LE(8_000, 8) // bytes per second
  format.writeUInt16LE(1, 12) // bytes per sample
  format.writeUInt16LE(8, 14) // bits
  const list = riffChunk('LIST', Buffer.concat([Buffer.from('INFO'), ...info]))
  const body = [
    Buffer.from('WAVE'),
    riffChunk('fmt ', format),
    list,
    riffChunk('data', Buffer.alloc(80, 128)),
  ]
  return riffChunk('RIFF', Buffer.concat(body))
}

function riffText(id: string, text: string | undefined): Buffer[] {
  return text === undefined ? [] : [riffChunk(id, Buffer.from(`${text}\0`, 'latin1'))]
}

function riffChunk(id: string, body: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(body.length)
  return Buffer.concat([Buffer.from(id, 'latin1'), size, body, Buffer.alloc(body.length % 2)])
}

/** STREAMINFO and a Vorbis comment; no frames. */
function flac(tags: SongTags): Buffer {
  const info = Buffer.alloc(34)
  info.writeUInt16BE(4096, 0)
  info.writeUInt16BE(4096, 2)
  // 20 bits of samples per second, 3 of channels - 1, 5 of bits - 1, 36 of samples: one second of CD audio.
  info.writeBigUInt64BE((44_100n << 44n) | (1n << 41n) | (15n << 36n) | 44_100n, 10)
  return Buffer.concat([Buffer.from('fLaC'), flacBlock(0, info), flacBlock(0x84, vorbisComment(tags))])
}

function flacBlock(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  head[0] = type
  return Buffer.concat([head, body])
}

function vorbisComment({ title, artist, track }: SongTags): Buffer {
  const fields = Object.entries({ TITLE: title, ARTIST: artist, TRACKNUMBER: track })
  const comments = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
  const count = Buffer.alloc(4)
  count.writeUInt32LE(comments.length)
  return Buffer.concat([lengthAndText('test'), count, ...comments.map(lengthAndText)])
}

function lengthAndText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** ID3v2.4 in UTF-8, and two silent frames of MPEG-1 layer III. */
function mp3({ title, artist, track }: SongTags): Buffer {
  const frames = [
    ...id3Text('TIT2', title),
    ...id3Text('TPE1', artist),
    ...id3Text('TRCK', track?.toString()),
  ]
  const body = Buffer.concat(frames)
  const frame = Buffer.alloc(417)
  frame.writeUInt32BE(0xff_fb_90_c4)
  return Buffer.concat([Buffer.from('ID3\x04\0\0'), synchsafe(body.length), body, frame, frame])
}

function id3Text(id: string, text: string | undefined): Buffer[] {
  if (text === undefined) return []
  const body = Buffer.concat([Buffer.from([3]), Buffer.from(text)])
  return [Buffer.from(id), synchsafe(body.length), Buffer.alloc(2), body]
}

/** Seven bits per byte. */
function synchsafe(length: number): Buffer {
  return Buffer.from([21, 14, 7, 0].map((shift) => (length >> shift) & 0x7f))
}

/** A film without a track, with iTunes tags. */
function mp4({ title, artist }: SongTags): Buffer {
  const handler = Buffer.from('\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0', 'latin1')
  const tags = mp4Box('ilst', ...mp4Text('\xa9nam', title), ...mp4Text('\xa9ART', artist))
  const meta = mp4Box('meta', Buffer.alloc(4), mp4Box('hdlr', handler), tags)
  const type = mp4Box('ftyp', Buffer.from('isom\0\0\0\x01isom', 'latin1'))
  return Buffer.concat([type, mp4Box('moov', mp4Box('udta', meta))])
}

function mp4Text(id: string, text: string | undefined): Buffer[] {
  if (text === undefined) return []
  const isUtf8 = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])
  return [mp4Box(id, mp4Box('data', isUtf8, Buffer.from(text)))]
}

function mp4Box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + body.length)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, body])
}
