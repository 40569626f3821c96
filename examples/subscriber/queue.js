#!/usr/bin/env node
// Takes a tenant's events from a queue of its own, made by `jobctl subscribe QUEUE`.
//
//     node queue.js QUEUE
const amqp = require('amqplib');

const versions = new Map(); // job id to the version applied last; keep it where you keep what you make of the events

async function main(queue) {
  const connection = await amqp.connect(process.env.JOBS_AMQP_URL || 'amqp://localhost');
  process.once('SIGINT', () => connection.close());
  const channel = await connection.createChannel();
  await channel.prefetch(100);
  await channel.consume(queue, (message) => {
    if (!message) process.exit(1); // the queue was deleted
    const { data } = JSON.parse(message.content.toString());
    const before = versions.get(data.jobId);
    // The rule: a job's events come in order, 1, 2, 3, ..., but may come twice. Apply the next one, ignore an old
    // one. (A job not seen before may begin at any version: the queue may be younger than the job.)
    if (before === undefined || data.version === before + 1) {
      console.log(data.jobId, data.version, data.jobEventType, data.result ?? data.error ?? '');
      versions.set(data.jobId, data.version);
    }
    channel.ack(message); // only now: what was not applied comes again
  });
}

main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
