// Holds a lock on the file until it receives input.
import { once } from 'node:events'
import Database from 'better-sqlite3'

const [path = ''] = process.argv.slice(2)
const file = new Database(path)
file.exec('begin exclusive')
console.log('locked')
await once(process.stdin, 'data')
file.exec('commit')
file.close()
console.log('released')
process.stdin.unref()
