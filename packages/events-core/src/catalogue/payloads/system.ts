import { Type } from '@sinclair/typebox'
import { count, flag, id, jsonObject, milliseconds, text } from './fields.ts'

export const systemPayloads = {
  'system.started': Type.Object({
    version: text('Version of the server'),
    uptime_ms: milliseconds('Time since the process started'),
    plugin_count: count('Number of installed plugins'),
    library_count: count('Number of libraries'),
    user_count: count('Number of users'),
    media_count: count('Number of media items'),
  }),
  'system.stopped': Type.Object({
    version: text('Version of the server'),
    uptime_ms: milliseconds('Time since the process started'),
    reason: Type.Optional(text('Reason: a signal, an update, a user, …')),
  }),
}

const plugin = {
  plugin_id: id('Id of the plugin'),
  name: text('Name of the plugin'),
  version: text('Version of the plugin'),
  type: text('Kind of plugin: metadata, scanner, transcoder, …'),
}

export const pluginPayloads = {
  'plugin.loaded': Type.Object(plugin),
  'plugin.unloaded': Type.Object({
    ...plugin,
    reason: Type.Optional(text('Reason: shutdown, disabled, failed, …')),
  }),
  'plugin.enabled': Type.Object(plugin),
  'plugin.disabled': Type.Object({
    ...plugin,
    reason: Type.Optional(text('Reason: user, failed too often, …')),
  }),
  'plugin.installed': Type.Object({
    ...plugin,
    source: Type.Optional(text('Where it was installed from')),
  }),
  'plugin.error': Type.Object({
    plugin_id: id('Id of the plugin'),
    error: text('What went wrong'),
    name: Type.Optional(text('Name of the plugin')),
    version: Type.Optional(text('Version of the plugin')),
    code: Type.Optional(text('Error code')),
    operation: Type.Optional(text('What the plugin was doing')),
    stack: Type.Optional(text('Stack trace')),
    fatal: Type.Optional(flag('Whether the plugin stopped working')),
  }),
}

const report = {
  code: Type.Optional(text('Stable code that identifies the kind of report')),
  component: Type.Optional(text('Part of the server that reports it')),
  details: Type.Optional(jsonObject('Further details')),
}

const failure = {
  ...report,
  error: Type.Optional(text('Error message of the cause')),
  stack: Type.Optional(text('Stack trace')),
}

export const reportPayloads = {
  error: Type.Object(failure),
  warning: Type.Object(failure),
  info: Type.Object(report),
  debug: Type.Object(report),
}
