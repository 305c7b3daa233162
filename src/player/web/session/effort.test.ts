import { describe, expect, it } from "vitest";
import { Effort, type Kind } from "./effort";

const INTERVAL = 40;

/** A machine on which a layer costs so many milliseconds more each, and a picture at 25 a second of so many layers. */
class Machine {
  readonly effort = new Effort();
  readonly skipped: number[] = [];
  readonly decoded: { number: number; layers: number }[] = [];
  worst = 0;
  private free = 0;
  private at = 0;

  constructor(
    public cost: (layers: number) => number,
    readonly layers = 8,
    readonly slack = 200,
    /** What the picture of this number is. */
    readonly kind: (number: number) => Kind = () => ({ isKey: true, referenceLayers: 0 }),
  ) {}

  run(seconds: number): void {
    for (const end = this.at + seconds * 1000; this.at < end; this.at += INTERVAL) {
      const begin = Math.max(this.at, this.free);
      const due = this.at + this.slack;
      const waiting = Math.floor((begin - this.at) / INTERVAL);
      const kind = this.kind(this.at / INTERVAL);
      if (this.effort.skips(begin, due, INTERVAL, waiting, kind)) {
        this.skipped.push(this.at);
        continue;
      }
      const layers = Math.min(this.layers, this.effort.maxLayer(kind) + 1);
      this.decoded.push({ number: this.at / INTERVAL, layers });
      this.free = begin + this.cost(layers);
      this.worst = Math.max(this.worst, this.free - due);
      this.effort.decoded(this.free, due, INTERVAL, this.cost(layers), layers);
    }
  }
}

describe("how many layers are decoded", () => {
  it("is all of them where there is time", () => {
    const machine = new Machine((layers) => 4 * layers);
    machine.run(60);
    expect(machine.effort.ceiling).toBeNull();
    expect(machine.skipped).toEqual([]);
  });

  it("is fewer where they take too long, and pictures stay in time", () => {
    const machine = new Machine((layers) => 8 * layers);
    machine.run(4);
    machine.worst = -Infinity;
    machine.skipped.length = 0;
    machine.run(60);
    expect(machine.effort.ceiling).toBeLessThanOrEqual(4);
    expect(machine.effort.ceiling).toBeGreaterThanOrEqual(2);
    expect(machine.worst).toBeLessThan(0);
    expect(machine.skipped).toEqual([]);
  });

  it("is not fewer because the first pictures paid for the compilation", () => {
    const machine = new Machine((layers) => 3 * layers);
    let decoded = 0;
    machine.cost = (layers) => (decoded++ < 24 ? 100 : 3 * layers);
    machine.run(3);
    expect(machine.effort.ceiling).toBeNull();
    machine.skipped.length = 0;
    machine.run(10);
    expect(machine.skipped).toEqual([]);
  });

  it("rises again when the machine has time again", () => {
    const machine = new Machine((layers) => 12 * layers);
    machine.run(10);
    expect(machine.effort.ceiling).not.toBeNull();
    machine.cost = (layers) => 2 * layers;
    machine.run(60);
    expect(machine.effort.ceiling).toBeNull();
  });

  it("tries a layer that was too much less and less often", () => {
    const machine = new Machine((layers) => (layers <= 5 ? 20 : 45));
    machine.run(10);
    let changes = 0;
    let before = machine.effort.ceiling;
    for (let second = 0; second < 120; second++) {
      machine.run(1);
      changes += Number(machine.effort.ceiling !== before);
      before = machine.effort.ceiling;
    }
    expect(changes).toBeLessThan(16);
  });

  it("leaves pictures out only when nothing else is left", () => {
    const machine = new Machine(() => 100);
    machine.run(20);
    expect(machine.effort.ceiling).toBe(2);
    expect(machine.skipped.length).toBeGreaterThan(200);
    expect(machine.worst).toBeLessThan(1000);
  });
});

/** A key frame every second, and so many layers of each picture are predicted from. */
function predicted(referenceLayers: number): (number: number) => Kind {
  return (number) => ({ isKey: number % 25 === 0, referenceLayers });
}

describe("how much is decoded of pictures that others are predicted from", () => {
  it("is no fewer layers than those", () => {
    const machine = new Machine((layers) => 6 * layers, 8, 200, predicted(6));
    machine.run(60);
    expect(machine.effort.ceiling).toBe(5);
    expect(Math.min(...machine.decoded.map((one) => one.layers))).toBe(6);
    expect(machine.skipped).toEqual([]);
  });

  it("is nothing from a late one on up to the next key frame, which is always decoded", () => {
    const machine = new Machine(() => 70, 8, 200, predicted(8));
    machine.run(30);
    const numbers = new Set(machine.decoded.map((one) => one.number));
    for (let key = 0; key < 750; key += 25) {
      expect(numbers.has(key)).toBe(true);
      const missing = Array.from({ length: 25 }, (_, n) => key + n).filter((number) => !numbers.has(number));
      const first = missing[0] ?? key + 25;
      expect(missing).toEqual(Array.from({ length: key + 25 - first }, (_, n) => first + n));
    }
    expect(machine.skipped.length).toBeGreaterThan(100);
    expect(machine.worst).toBeLessThan(1000);
    expect(machine.effort.ceiling).toBeNull();
  });

  it("is all of them where there is time", () => {
    const machine = new Machine((layers) => 4 * layers, 8, 200, predicted(8));
    machine.run(30);
    expect(machine.effort.ceiling).toBeNull();
    expect(machine.skipped).toEqual([]);
  });
});
