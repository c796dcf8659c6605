/** The part of the name that Kubernetes makes of a Service's, `VIEWRA_EVENTS_` or `VIEWRA_EVENTS_DB_`, is before these. */
const NAME = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const ADDRESS = /^(tcp|udp|sctp):\/\//

/**
 * Tells whether Kubernetes has set a variable: beside a Service named `viewra-events`, or one whose name begins so, its
 * containers get variables that begin like ours. `VIEWRA_EVENTS_PORT` is both; an address is the Service's, and a port
 * is ours.
 */
export function isServiceLink(name: string, value: string): boolean {
  return NAME.test(name) || (name.endsWith('_PORT') && ADDRESS.test(value))
}
