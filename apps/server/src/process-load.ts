import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import { getHeapStatistics } from 'node:v8'

const RESOLUTION_MS = 10
const NS_PER_MS = 1e6
const US_PER_MS = 1_000
const MISSED_SAMPLES = 10

export interface ProcessLimits {
  /** Mean delay of the event loop, in milliseconds, within one sample; each publish would wait several times as long. */
  readonly eventLoopDelayMs: number
  readonly heapBytes: number
  readonly rssBytes: number
  /** The interval between two samples of the load, in milliseconds. */
  readonly sampleMs: number
}

/** Tells whether the process has more to do, or holds more memory, than it should. */
export class ProcessLoad {
  readonly #limits: ProcessLimits
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  #sampledMs = performance.now()
  #cpuMs = cpuMs()
  /** True at first, because loading the program is not load. */
  #wasAway = true
  #delayMs = 0
  #rssBytes = 0
  #heapBytes = 0

  constructor(limits: ProcessLimits) {
    this.#limits = limits
    this.#delays.enable()
    this.#timer = setInterval(() => this.#sample(), limits.sampleMs).unref()
  }

  /** The reason for which the process is overloaded; undefined if it is not. */
  get excess(): string | undefined {
    const { eventLoopDelayMs, heapBytes, rssBytes } = this.#limits
    if (this.#delayMs > eventLoopDelayMs) return 'the event loop is late'
    if (this.#heapBytes > heapBytes) return 'the heap is nearly full'
    return this.#rssBytes > rssBytes ? 'the memory is nearly full' : undefined
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#delays.disable()
  }

  #sample(): void {
    // A pause may also be recorded just after the sample that ends it.
    const isPaused = this.#wasAway
    this.#wasAway = this.#hasBeenAway()
    const hasDelay = !isPaused && !this.#wasAway && this.#delays.count > 0
    this.#delayMs = hasDelay ? this.#delays.mean / NS_PER_MS - RESOLUTION_MS : 0
    this.#delays.reset()
    this.#heapBytes = getHeapStatistics().used_heap_size
    this.#rssBytes = residentBytes() ?? this.#rssBytes
  }

  /**
   * Returns whether the process did not run since the last sample, because it was stopped or the machine slept: that is not
   * load.
   */
  #hasBeenAway(): boolean {
    const elapsedMs = performance.now() - this.#sampledMs
    const usedMs = cpuMs() - this.#cpuMs
    this.#sampledMs += elapsedMs
    this.#cpuMs += usedMs
    return elapsedMs > this.#limits.sampleMs * MISSED_SAMPLES && usedMs < elapsedMs / 2
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / US_PER_MS
}

/** Returns undefined if the system does not report it: reading it needs a file descriptor, and there may be none. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}
