import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Ports that the system does not give to clients: one of those could be taken before whoever it is for has it. */
const FIRST = 10_000;
const COUNT = 20_000;

/** A UDP port of the loopback address that nobody uses now. */
export const freeUdpPort = () => firstFree(udpIsFree);

/** A TCP port of the loopback address that nobody uses now. */
export const freeTcpPort = () => firstFree(tcpIsFree);

/** Ports that were given away, and may not be in use yet. @type {Set<number>} */
const given = new Set();

/** @param {(port: number) => Promise<boolean>} isFree */
async function firstFree(isFree) {
  const start = Math.floor(Math.random() * COUNT);
  for (let i = 0; i < COUNT; i++) {
    const port = FIRST + ((start + i) % COUNT);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error("no port is free");
}

/** @param {number} port @returns {Promise<boolean>} */
function udpIsFree(port) {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
  });
}

/** @param {number} port @returns {Promise<boolean>} */
function tcpIsFree(port) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
