import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StepFailed } from './step.mjs'

const NOT_ALLOWED = new Set(['EACCES', 'EPERM', 'EROFS'])

/**
 * Runs `work` while no other process runs work under the same lock file. Takes over a lock whose process is gone,
 * because it was killed.
 * @throws StepFailed, after printing what to do, if this user may not write there
 */
export async function withLock(file, work) {
  await acquire(file)
  const release = () => rmSync(file, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

async function acquire(file) {
  let told = false
  while (!tryCreate(file)) {
    const holder = holderOf(file)
    if (holder !== undefined && !isAlive(holder)) {
      rmSync(file, { force: true })
      continue
    }
    if (!told) console.error('Waiting for another set-up of this folder to finish…')
    told = true
    await sleep(200)
  }
}

function tryCreate(file) {
  try {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    if (!NOT_ALLOWED.has(error.code)) throw error
    console.error(
      `Dependencies or build are missing or out of date, and this user may not write ${path.dirname(file)}: ` +
        'run `npm run build` once as a user who may, then start again as this one.',
    )
    throw new StepFailed('Locking…')
  }
}

/** Returns the holder's process id; undefined if the lock is gone, or was just created and is still empty. */
function holderOf(file) {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return error.code === 'EPERM'
  }
}
