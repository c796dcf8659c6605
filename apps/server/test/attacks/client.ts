import { once } from 'node:events'
import { Agent, type RequestOptions, request } from 'node:http'

export const ROLES = ['viewer', 'publisher'] as const
export const PARTIES = ['attacker', 'bystander'] as const
export const EVENTS = '/api/v1/events'

export type TokenName = `${(typeof PARTIES)[number]} ${(typeof ROLES)[number]}`

export interface Answer {
  readonly status: number
  readonly ms: number
  readonly text: string
}

/** Talks to a server on this machine, with the tokens of both parties. */
export class Client {
  readonly port: number
  readonly tokens: ReadonlyMap<TokenName, string>
  readonly #agent = new Agent({ keepAlive: true })

  constructor(port: number, tokens: ReadonlyMap<TokenName, string>) {
    this.port = port
    this.tokens = tokens
  }

  authorization(name: TokenName): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.tokens.get(name)}` }
  }

  /** @throws when the connection breaks */
  async ask(route: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
    const began = performance.now()
    const target = { host: '127.0.0.1', port: this.port, path: route }
    const sent = request({ ...target, agent: this.#agent, ...options })
    sent.end(body)
    const [response] = await once(sent, 'response')
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    return { status: response.statusCode, ms: performance.now() - began, text }
  }

  close(): void {
    this.#agent.destroy()
  }
}
