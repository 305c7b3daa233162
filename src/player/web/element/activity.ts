/** Hides the controls while nobody uses them. */

const IDLE_MS = 2500;

/**
 * Calls `show` when somebody moves, touches or types in `root`, and `hide` when that was a while ago. Controls that
 * have the keyboard's focus stay.
 */
export class Activity {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly show: () => void,
    private readonly hide: () => void,
  ) {
    for (const type of ["pointermove", "pointerdown", "keydown", "focusin", "input"]) {
      root.addEventListener(type, () => this.wake());
    }
    root.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.#rest();
    });
  }

  wake(): void {
    this.show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rest(), IDLE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    const isUsed = this.root.querySelector(".bar :focus-visible, .panel :focus-visible, .bar:hover, .bar :active") !== null;
    if (isUsed) this.#timer = setTimeout(() => this.#rest(), IDLE_MS);
    else this.hide();
  }
}
