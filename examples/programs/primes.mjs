#!/usr/bin/env node
// A job class in JavaScript: how many primes there are up to {"limit": N}.
import { Failed, run } from './jobs.mjs'

await run((job) => {
  const { limit } = job.parameters
  if (!Number.isInteger(limit) || limit < 0 || limit > 1e8) {
    throw new Failed('limit is missing: a whole number up to 100000000', { retry: false })
  }
  const composite = new Uint8Array(limit + 1)
  const step = Math.ceil((limit + 1) / 100)
  let primes = 0
  for (let n = 2; n <= limit; n++) {
    if (n % step === 0) job.completion(Math.floor((100 * n) / limit))
    if (composite[n]) continue
    primes++
    for (let m = n * n; m <= limit; m += n) composite[m] = 1
  }
  return { primes }
})
