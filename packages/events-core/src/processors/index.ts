export {
  type Output,
  type ProcessorDefinition,
  processor,
  type StepContext,
  type TimerContext,
} from './processor.ts'
export type { ProcessorWorker } from './processor-worker.ts'
