// Finishes the npm package: of dist/types it keeps what the two entries lead to, and gives every relative import its
// file name, so that TypeScript finds them with any module resolution. The licences of the repository go beside.
import { existsSync } from "node:fs";
import { copyFile, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

const TYPES = new URL("dist/types/", import.meta.url).pathname;
const ENTRIES = ["index.d.ts", "react/index.d.ts"];
const IMPORT = /((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]*|\.{1,2})"/g;

/** The declaration that a relative import means. */
function target(importer, specifier) {
  const base = join(dirname(importer), specifier.replace(/\.js$/, ""));
  const found = [`${base}.d.ts`, join(base, "index.d.ts")].find((path) => existsSync(path));
  if (!found) throw new Error(`${importer} imports ${specifier}, which is not there`);
  return found;
}

function nameFor(importer, declaration) {
  const path = relative(dirname(importer), declaration).replace(/\.d\.ts$/, ".js");
  return path.startsWith(".") ? path : `./${path}`;
}

const kept = new Set();
const waiting = ENTRIES.map((entry) => join(TYPES, entry));
for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
  if (kept.has(path)) continue;
  kept.add(path);
  const importer = path;
  const text = await readFile(importer, "utf8");
  const finished = text.replace(IMPORT, (_, before, specifier) => {
    const declaration = target(importer, specifier);
    waiting.push(declaration);
    return `${before}${nameFor(importer, declaration)}"`;
  });
  await writeFile(importer, finished);
}

for (const entry of await readdir(TYPES, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (entry.isFile() && !kept.has(path)) await rm(path);
}

for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) {
  await copyFile(new URL(`../../${licence}`, import.meta.url), new URL(licence, import.meta.url));
}
