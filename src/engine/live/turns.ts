import type { Context } from '../native/context.js';
import type { HeldSteering } from '../steer/adapter.js';
import type { Generation } from './generation.js';

/** Requests under way with the same steering. */
export interface Group {
  key: string;
  steering: HeldSteering;
  members: Generation[];
}

/** How long one steering runs before another one has its turn: to change it costs as much as some rows. */
const TURN_MS = 100;

/** Steerings that share one context in turn, each with the requests that want it. */
export interface Turns {
  find(key: string): Group | undefined;
  add(key: string, steering: HeldSteering): void;
  /** The group whose turn it is; none when no request is under way. */
  choose(): Group | undefined;
  /** Sets the steering of `group` on the context. */
  apply(group: Group): void;
  /** Puts a fresh context in place of the used one, with nothing set on it. */
  renew(): void;
  /** Lets go of groups without members, but for that of `coming`. */
  prune(coming: string | undefined): void;
  /** Releases every steering. */
  close(): void;
}

export function makeTurns(context: Context): Turns {
  /** The one whose turn it is next comes first. */
  let groups: Group[] = [];
  let turn: Group | undefined;
  let since = 0;
  /** What is set on the context; held as long, though its group may be gone. */
  let set: HeldSteering | undefined;

  return {
    find: (key) => groups.find((group) => group.key === key),
    add(key, steering) {
      groups.push({ key, steering, members: [] });
    },
    choose() {
      const now = performance.now();
      const others = groups.some((group) => group !== turn && group.members.length > 0);
      if (turn && turn.members.length > 0 && (!others || now - since < TURN_MS)) return turn;
      if (turn) groups = [...groups.filter((group) => group !== turn), turn];
      turn = groups.find(({ members }) => members.length > 0);
      since = now;
      return turn;
    },
    apply({ steering }) {
      if (set?.key === steering.key) return;
      steering.set(context.pointer);
      const before = set;
      set = steering;
      if (before && !groups.some((group) => group.steering === before)) before.release();
    },
    renew() {
      context.renew();
      const before = set;
      set = undefined;
      if (before && !groups.some((group) => group.steering === before)) before.release();
    },
    prune(coming) {
      groups = groups.filter((group) => {
        if (group.members.length > 0 || group.key === coming) return true;
        if (turn === group) turn = undefined;
        if (group.steering !== set) group.steering.release();
        return false;
      });
    },
    close() {
      for (const { steering } of groups) if (steering !== set) steering.release();
      set?.release();
    },
  };
}
