// Graphile Worker in the mode its documentation calls the fastest: one process, 24 concurrent jobs,
// a local queue of 500, ends written in batches without delay. Driven by tests/bench/peers_peer.c:
//
//   peer.js drain N        "ready", then "first T" at the first job and "ran T" at the Nth
//   peer.js latency N      "ready", then p50, p99 and max of N jobs, one at a time, in ms
//
// T: microseconds of the monotonic clock. Ends when its input is closed.
'use strict';
process.env.NO_LOG_SUCCESS = '1'; // as its own measurement does
const { run, Logger } = require('graphile-worker');
const { Pool } = require('pg');

const [verb, count] = [process.argv[2], Number(process.argv[3])];
const connectionString = process.env.JOBS_DATASOURCE_MAIN_URL;
const preset = {
    worker: {
        connectionString,
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
    },
};
const now = () => Number(process.hrtime.bigint() / 1000n);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (word, value) => process.stdout.write(`${word} ${value}\n`);

// Standard output is ours: only what went wrong is said, elsewhere.
const logger = new Logger(() => (level, message) => {
    if (level === 'error') console.error(message);
});

let ran = 0;
let first = 0;
let begun = () => {}; // of the job that is being timed

const taskList = {
    noop: () => {
        if (ran === 0) first = now();
        if (++ran === count) {
            say('first', first);
            say('ran', now());
        }
    },
    stamp: () => begun(now()),
};

async function one(pool) {
    const began = new Promise((resolve) => (begun = resolve));
    const before = now();
    await pool.query("select graphile_worker.add_job('stamp', '{}')");
    return ((await began) - before) / 1000;
}

async function latency() {
    const pool = new Pool({ connectionString, max: 1 });
    const values = [];
    for (let i = 0; i < 20; i++) await one(pool); // warm
    for (let i = 0; i < count; i++) {
        await pause(5 + Math.floor(Math.random() * 10)); // idle again, at no fixed beat
        values.push(await one(pool));
    }
    values.sort((a, b) => a - b);
    const at = (p) => values[Math.floor(((count - 1) * p) / 100 + 0.5)];
    say('p50', at(50));
    say('p99', at(99));
    say('max', at(100));
    await pool.end();
}

async function main() {
    const runner = await run({ preset, taskList, logger, parsedCronItems: [], noHandleSignals: true });
    await pause(500); // connected and listening
    say('ready', 1);
    if (verb === 'latency') await latency();
    process.stdin.resume();
    await new Promise((resolve) => process.stdin.on('end', resolve));
    await runner.stop();
}

main().then(
    () => process.exit(0),
    (error) => {
        console.error(error);
        process.exit(1);
    },
);
