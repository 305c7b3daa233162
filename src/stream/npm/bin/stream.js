#!/usr/bin/env node
// Runs the program for this platform, which lies in programs/ beside this folder.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const platform = `${process.platform}-${process.arch}`;
const name = process.platform === "win32" ? "stream.exe" : "stream";
const program = path.join(__dirname, "..", "programs", platform, name);

if (!fs.existsSync(program)) {
  const there = fs.readdirSync(path.join(__dirname, "..", "programs")).join(", ");
  console.error(`stream: this package has no program for ${platform}, only for ${there}; build one with src/stream/npm/build`);
  process.exit(1);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });

// Ctrl-C reaches the program from the terminal; what is sent to this process alone is handed on.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}

child.on("error", (error) => {
  console.error(`stream: ${program} does not start: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  // As shells count the end by a signal.
  process.exitCode = signal ? 128 + require("node:os").constants.signals[signal] : code;
});
