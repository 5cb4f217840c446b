// Every upload of this page. Panes come and go; what is being sent stays here until it has ended.
import { Job } from './job.js';
import { Slots } from './slots.js';

const FILES_AT_ONCE = 3;
const PARTS_AT_ONCE = 4; // browsers open six connections to a host; the page needs some, too

const slots = new Slots(PARTS_AT_ONCE);
const turns = new Slots(FILES_AT_ONCE);
const jobs = new Set();

/** Tells of each new job: `added` with the job as detail. */
export const arrivals = new EventTarget();

function isSame(job, file, { purpose, targetId = null }) {
  return job.purpose === purpose && job.targetId === targetId && job.file.name === file.name
    && job.file.size === file.size && job.file.lastModified === file.lastModified;
}

/** Send `file`, behind others where needed; a file that is on its way already goes on. */
export function add(file, options) {
  const known = [...jobs].find((job) => job.state !== 'done' && isSame(job, file, options));
  if (known) {
    known.start();
    return known;
  }
  const job = new Job(file, { ...options, slots, turns });
  jobs.add(job);
  arrivals.dispatchEvent(new CustomEvent('added', { detail: job }));
  job.start();
  return job;
}

/** The uploads for one place that have not been put away. */
export function jobsFor(purpose, targetId = null) {
  return [...jobs].filter((job) => job.purpose === purpose && job.targetId === targetId);
}

/** Every upload of this page. */
export function allJobs() {
  return [...jobs];
}

/** Put an upload that has ended away. */
export function forget(job) {
  jobs.delete(job);
}

addEventListener('beforeunload', (event) => {
  if ([...jobs].some((job) => job.isLive)) event.preventDefault();
});
