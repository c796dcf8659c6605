import { Type } from '@sinclair/typebox'
import { count, flag, id, jsonObject, milliseconds, text } from './fields.ts'

export const systemPayloads = {
  'system.started': Type.Object({
    version: text('Version of the server'),
    uptime_ms: milliseconds('Time since the process started'),
    plugin_count: count('Plugins installed'),
    library_count: count('Libraries'),
    user_count: count('Users'),
    media_count: count('Media items'),
  }),
  'system.stopped': Type.Object({
    version: text('Version of the server'),
    uptime_ms: milliseconds('Time since the process started'),
    reason: Type.Optional(text('Why: a signal, an update, by a user, …')),
  }),
}

const plugin = {
  plugin_id: id('The plugin'),
  name: text('Name of the plugin'),
  version: text('Version of the plugin'),
  type: text('What it does: metadata, scanner, transcoder, …'),
}

export const pluginPayloads = {
  'plugin.loaded': Type.Object(plugin),
  'plugin.unloaded': Type.Object({
    ...plugin,
    reason: Type.Optional(text('Why: shutdown, disabled, failed, …')),
  }),
  'plugin.enabled': Type.Object(plugin),
  'plugin.disabled': Type.Object({
    ...plugin,
    reason: Type.Optional(text('Why: by a user, failed too often, …')),
  }),
  'plugin.installed': Type.Object({
    ...plugin,
    source: Type.Optional(text('Where it was installed from')),
  }),
  'plugin.error': Type.Object({
    plugin_id: id('The plugin'),
    error: text('What went wrong'),
    name: Type.Optional(text('Name of the plugin')),
    version: Type.Optional(text('Version of the plugin')),
    code: Type.Optional(text('Code of the error')),
    operation: Type.Optional(text('What the plugin was doing')),
    stack: Type.Optional(text('Stack trace')),
    fatal: Type.Optional(flag('Whether the plugin stopped working')),
  }),
}

const report = {
  code: Type.Optional(text('Stable code to tell reports apart by')),
  component: Type.Optional(text('Part of the server that reports it')),
  details: Type.Optional(jsonObject('What else is known')),
}

const failure = {
  ...report,
  error: Type.Optional(text('What went wrong, in the words of its cause')),
  stack: Type.Optional(text('Stack trace')),
}

export const reportPayloads = {
  error: Type.Object(failure),
  warning: Type.Object(failure),
  info: Type.Object(report),
  debug: Type.Object(report),
}
