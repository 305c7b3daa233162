import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second, as the kernel tells them to everybody. */
const TICKS = 100;

/**
 * One process: its parent, its name, and the seconds of one core that it has used.
 *
 * @typedef {{ pid: number, parent: number, name: string, seconds: number }} Process
 */

/** All processes of this machine. @returns {Process[]} */
function processes() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parse(Number(pid), readFileSync(`/proc/${pid}/stat`, "utf8"))];
      } catch {
        // It has ended since the folder was read.
        return [];
      }
    });
}

/** @param {number} pid @param {string} stat as proc(5) describes it @returns {Process} */
function parse(pid, stat) {
  // The name stands in brackets and may hold anything.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  return { pid, parent: Number(fields[1]), name: stat.slice(stat.indexOf("(") + 1, end), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS };
}

/** The children of this process with that name. @param {string} name */
export function children(name) {
  return processes().filter((each) => each.parent === process.pid && each.name === name).map(({ pid }) => pid);
}

/**
 * The seconds of one core that a process and all below it have used; those that have ended do not count.
 *
 * @param {number} root
 */
export function cpuSeconds(root) {
  const all = processes();
  const counted = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { pid, parent } of all) {
      if (!counted.has(pid) && counted.has(parent)) {
        counted.add(pid);
        grew = true;
      }
    }
  }
  return all.filter(({ pid }) => counted.has(pid)).reduce((sum, { seconds }) => sum + seconds, 0);
}
