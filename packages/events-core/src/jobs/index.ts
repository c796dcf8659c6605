export { type Job, type JobContext, type JobKind, type JobProgress, type JobState, jobKind } from './job.ts'
export { type CancelledJob, type JobPage, type JobQuery, Jobs } from './jobs.ts'
export {
  type AnyJobKind,
  JobRunner,
  type JobRunnerOptions,
  jobRunner,
  type SubmitOptions,
} from './runner.ts'
