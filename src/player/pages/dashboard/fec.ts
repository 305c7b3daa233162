/** The setting `fec`: one string everywhere, and its parts for a form. */

/** How parity is chosen. */
export type FecKind = "adaptive" | "unequal" | "equal" | "none";

/** The setting in parts. */
export interface FecSetting {
  kind: FecKind;
  /** `adaptive`: the most that parity may take of the rate, in percent (1 to 90), or empty for the daemon's 60. */
  percent: string;
  /** `equal`: parity packets for every ten, 0 to 10. `unequal`: the same for layers 0, 1, 2, …, with commas between. */
  parity: string;
}

/** What each kind does, for people. */
export const FEC_KINDS: Record<FecKind, { label: string; explanation: string }> = {
  adaptive: {
    label: "Adaptive",
    explanation: "Parity follows the loss that the daemon reports to the publisher. The right choice for most streams.",
  },
  unequal: {
    label: "Unequal",
    explanation: "A fixed number of parity packets for every ten of layer 0, of layer 1, and so on; the last number " +
      "holds for all further layers. 3,2,1,0 protects what a picture needs most; where pictures are predicted from one " +
      "another, any loss in the layers above harms them up to the next key frame.",
  },
  equal: { label: "Equal", explanation: "The same fixed number of parity packets for every ten of each layer." },
  none: { label: "None", explanation: "No parity. What the network loses stays lost: only for links without loss." },
};

/** The setting as it is written. What is wrong with it the daemon says. */
export function formatFec({ kind, percent, parity }: FecSetting): string {
  switch (kind) {
    case "none":
      return "none";
    case "equal":
    case "unequal":
      return `${kind}:${parity.replaceAll(/\s/g, "")}`;
    case "adaptive":
      return percent.trim() === "" ? "adaptive" : `adaptive:${percent.trim().replace(/%$/, "")}%`;
  }
}

/** The setting's parts; one of a kind that this page does not know counts as adaptive. */
export function parseFec(setting: string): FecSetting {
  const [kind = "", value = ""] = setting.split(":", 2);
  switch (kind) {
    case "none":
      return { kind, percent: "", parity: "" };
    case "equal":
    case "unequal":
      return { kind, percent: "", parity: value };
    default:
      return { kind: "adaptive", percent: value.replace(/%$/, ""), parity: "" };
  }
}

/** The setting in words. */
export function describeFec(setting: string): string {
  const { kind, percent, parity } = parseFec(setting);
  switch (kind) {
    case "none":
      return "no parity";
    case "equal":
      return `${parity} parity packets for every 10, in all layers`;
    case "unequal":
      return `${parity.split(",").join(", ")} parity packets for every 10, from layer 0 up`;
    case "adaptive":
      return `parity as the loss needs it, at most ${percent === "" ? "60" : percent} % of the rate`;
  }
}
