export { type Job, type JobContext, type JobKind, type JobProgress, type JobState, jobKind } from './job.ts'
export {
  type AnyJobKind,
  type JobFilter,
  JobRunner,
  type JobRunnerOptions,
  jobRunner,
  type SubmitOptions,
} from './runner.ts'
