import type { StageName } from './manifest.js';

/** What a run tells its listener. The pipeline prints nothing itself. */
export type RunEvent =
  /** A step begins. `label` is for people. */
  | { type: 'start'; step: StepName; label: string }
  /** `fraction` is the part of the whole that is done, where `done / total` says it badly. */
  | {
      type: 'progress';
      step: StepName;
      done: number;
      total: number;
      unit: string;
      detail?: string;
      fraction?: number;
    }
  | { type: 'end'; step: StepName; seconds: number; summary: string }
  /** Nothing to do: the result of an earlier run stands. */
  | { type: 'skip'; step: StepName; summary: string }
  /** One line that the user should know. */
  | { type: 'note'; message: string };

export type StepName =
  | StageName
  | 'model'
  | 'data'
  | 'score'
  | 'suppress'
  | 'table'
  | 'judge'
  | 'export'
  | 'trace'
  | 'explain'
  | 'facts'
  | 'intervene';

export type Listener = (event: RunEvent) => void;
