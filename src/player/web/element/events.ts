/** The events of `<stream-player>`. All cross shadow boundaries and all but `error` bubble; none can be cancelled. */
import type { PlayerError, PlayerState, PlayerStats } from "../types";

/** The detail of `statechange`. */
export interface StateChange {
  state: PlayerState;
  /** Why, where the state is `failed`. */
  error?: PlayerError;
}

export interface StreamPlayerEventMap extends Omit<HTMLElementEventMap, "error"> {
  /** The state is another one now. */
  statechange: CustomEvent<StateChange>;
  /** All figures, about four times a second while it plays. */
  stats: CustomEvent<PlayerStats>;
  /** The stream cannot be played; comes with the state `failed`. */
  error: CustomEvent<PlayerError>;
}
