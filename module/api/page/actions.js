// Stop, retry, release: what a person may do with a job, and what they are told.

import { path, post, explain } from './api.js';
import { h, toast } from './dom.js';
import { confirm } from './dialogs.js';
import { FINAL, label } from './parts.js';

const VERBS = {
  stop: {
    name: 'Stop',
    fits: (job) => !FINAL.has(job.status),
    ask: (job) => confirm(`Stop ${job.class_name}?`, 'It ends as aborted. A run that is under way is asked to stop first.', 'Stop the job', { danger: true }),
    done: (status) => (status === 'ABORTED' ? 'The job is aborted.' : 'The job was asked to stop.'),
  },
  retry: {
    name: 'Retry',
    fits: (job) => job.status === 'FAILED' || job.status === 'ABORTED',
    done: () => 'The job is queued again.',
  },
  release: {
    name: 'Release',
    fits: (job) => job.status === 'PENDING',
    done: () => 'The job is queued.',
  },
};

/** Carry out a verb, ask first where it cannot be taken back. → whether it was done. */
export async function act(verb, job) {
  const { ask, done } = VERBS[verb];
  if (ask && !(await ask(job))) return false;
  try {
    const { status } = await post(path`/tenants/${job.tenant}/jobs/${job.id}/` + verb);
    toast(done(status));
    return true;
  } catch (error) {
    toast(explain(error), 'error');
    return false;
  }
}

export const fits = (verb, job) => VERBS[verb].fits(job);

/** Buttons of what can be done with the job now; `after` is called when one was. */
export function buttons(app, job, after, { small = false } = {}) {
  if (!app.may('operator')) return [];
  return Object.entries(VERBS).filter(([, { fits: ok }]) => ok(job)).map(([verb, { name }]) => h(
    `button${small ? '.small' : ''}${verb === 'stop' ? '.danger' : ''}`,
    {
      type: 'button',
      'aria-label': `${name} ${job.class_name}, ${label(job.status)}`,
      onclick: async (event) => {
        event.stopPropagation();
        if (await act(verb, job)) after();
      },
    }, name));
}

/** Stop or retry all that a filter finds, in the bounded steps that the server takes. */
export async function actOnAll(verb, tenant, filter, total) {
  const name = VERBS[verb].name;
  const agreed = await confirm(`${name} ${total} ${verb === 'stop' ? 'jobs' : 'failed or aborted jobs'}?`,
    `All jobs of ${tenant} that the filter finds, also those not on the screen.`, `${name} all`, { danger: verb === 'stop' });
  if (!agreed) return false;
  let changed = 0;
  try {
    for (let more = true; more;) {
      const step = await post(path`/tenants/${tenant}/jobs:` + verb, filter);
      changed += step.changed;
      more = step.more && step.matched > 0;
    }
    toast(`${changed} jobs ${verb === 'stop' ? 'stopped or asked to stop' : 'queued again'}.`);
    return true;
  } catch (error) {
    toast(`${explain(error)} ${changed} jobs were changed before.`, 'error');
    return changed > 0;
  }
}
