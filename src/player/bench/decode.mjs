// What decoding pictures costs in the wasm module, beside what it costs natively. From the repository:
//
//   ffmpeg -v error -i tests/media/bigbuckbunny.mp4 -frames:v 50 -pix_fmt yuv420p -f rawvideo - |
//     cargo run --release -p fql-player --example units 1280 720 2000 25 /tmp/units
//   node src/player/bench/decode.mjs /tmp/units 1280 720
//
// after `src/player/build --wasm`. A third number is the highest layer to decode. Times are those of the processor, which
// a busy machine hardly changes. `FLOOR=30` fails where fewer pictures a second are decoded.
import { readFileSync } from "node:fs";

if (process.argv.length < 5) {
  throw new Error("usage: decode.mjs UNITS WIDTH HEIGHT [HIGHEST-LAYER]");
}
const [file, width, height, maxLayer = "14"] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(new URL("../wasm/fql_player.wasm", import.meta.url)));
const wasm = new WebAssembly.Instance(module, {}).exports;

const units = [];
const bytes = readFileSync(file);
for (let at = 0; at < bytes.length; ) {
  const length = bytes.readUInt32LE(at);
  units.push(bytes.subarray(at + 4, at + 4 + length));
  at += 4 + length;
}

const decoder = wasm.video_new(Number(width), Number(height), 1, 8, 0);
let layers = 0;
const times = units.map((unit) => {
  const began = process.cpuUsage();
  new Uint8Array(wasm.memory.buffer).set(unit, wasm.input(unit.length));
  const result = wasm.video_decode(decoder, Number(maxLayer));
  if (result < 0) throw new Error("the module cannot decode these units: were both built from the same source?");
  layers += result & 0xff;
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
});
// The first ones pay for the compilation.
const steady = times.slice(Math.min(10, times.length >> 1)).sort((a, b) => a - b);
const mean = steady.reduce((sum, time) => sum + time, 0) / steady.length;
const at = (share) => steady[Math.floor(share * (steady.length - 1))].toFixed(1);
const size = Math.round(bytes.length / units.length);
console.log(`wasm: ${units.length} units of ${size} bytes and ${(layers / units.length).toFixed(1)} layers, ${(1000 / mean).toFixed(0)} a second, ${mean.toFixed(1)} ms each (median ${at(0.5)}, 95 % ${at(0.95)}); the first ${times[0].toFixed(1)} ms`);
const floor = Number(process.env.FLOOR ?? 0);
if (1000 / mean < floor) {
  console.error(`fewer than ${floor} pictures a second`);
  process.exitCode = 1;
}
