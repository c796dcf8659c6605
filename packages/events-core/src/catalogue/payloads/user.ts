import { Type } from '@sinclair/typebox'
import { deviceId, flag, id, mediaId, percent, seconds, text, time, userId } from './fields.ts'

export const userPayloads = {
  'user.created': Type.Object({
    user_id: userId,
    username: text('Login name'),
    email: text('E-mail address'),
    created_at: time('When the account was created, RFC 3339'),
  }),
  'user.logged_in': Type.Object({
    user_id: userId,
    username: text('Login name'),
    device_id: deviceId,
    ip: text('IP address of the user, IPv4 or IPv6'),
    user_agent: Type.Optional(text("The client's User-Agent header")),
    timestamp: time('When the user logged in, RFC 3339'),
  }),
  'user.device.registered': Type.Object({
    user_id: userId,
    device_id: deviceId,
    device_name: text('Name that the user gave the device'),
    device_type: text('desktop, mobile, tablet, tv, …'),
    os: text('Operating system of the device'),
    browser: text('Browser or app on the device'),
  }),
}

const session = {
  user_id: userId,
  media_id: mediaId,
  device_id: deviceId,
  session_id: id('Id of the playback session'),
}

export const playbackPayloads = {
  'playback.started': Type.Object({
    ...session,
    timestamp: time('When playback started, RFC 3339'),
  }),
  'playback.finished': Type.Object({
    ...session,
    progress_seconds: seconds('Position where playback ended'),
    duration_seconds: seconds('Length of the media item'),
    finished: flag('Whether it was watched to the end'),
    watch_percentage: percent('Percentage watched, 0 to 100'),
    reason: Type.Optional(text('Why it ended: stopped, stalled (no progress for too long), …')),
  }),
  'playback.progress': Type.Object({
    ...session,
    current_time: seconds('Current position'),
    duration: seconds('Length of the media item'),
    buffered_time: Type.Optional(seconds('Position up to which the client has buffered')),
    playback_rate: Type.Number({ minimum: 0, description: 'Playback speed: 1 is normal' }),
    volume: Type.Number({ minimum: 0, maximum: 1, description: 'Volume, from 0 to 1' }),
  }),
}
