// A kit for job classes in JavaScript (Node.js 18 and later):
//
//     import { run, Failed } from './jobs.mjs'
//     await run(async (job) => {
//       for (const page of job.parameters.pages) { …; job.advance() }
//       return { printed: true }            // the result; or throw new Failed('no paper', { retry: '30s' })
//     })
//
// The same program runs one job (the default) or stays for many (jobs.class.<name>.jobs = 1000).
// console.log() goes to what `jobctl logs` shows. A stop is SIGTERM, which ends the process.
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

// retry: true (while attempts last), false (never again) or a pause such as '30s'.
export class Failed extends Error {
  constructor(text, { retry = true } = {}) {
    super(text)
    this.retry = retry
  }
}

// Not yet: throw new Snooze('5m'). Uses no attempt.
export class Snooze extends Error {}

class Job {
  constructor(line) {
    Object.assign(this, line) // id, tenant, attempt, attempts, parameters, workspace, …
  }
  say(answer) {
    const bytes = Buffer.from(JSON.stringify(answer) + '\n')
    for (let at = 0; at < bytes.length; ) at += writeSync(3, bytes, at)
  }
  count(ticks) { this.say({ count: ticks }) }
  advance(ticks = 1) { this.say({ advance: ticks }) }
  completion(percent) { this.say({ completion: percent }) }
  log(text, level = 'info') { this.say({ log: text, level }) }
}

async function answerOf(job, work) {
  try {
    return { result: (await work(job)) ?? null }
  } catch (error) {
    if (error instanceof Failed) return { error: error.message, retry: error.retry }
    if (error instanceof Snooze) return { snooze: error.message }
    console.error(error)
    return { error: String(error) }
  }
}

export async function run(work) {
  for await (const line of createInterface({ input: process.stdin })) {
    const job = new Job(JSON.parse(line))
    job.say({ ...(await answerOf(job, work)), end: job.id })
  }
}
