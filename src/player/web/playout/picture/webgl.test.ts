import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

/** As much of WebGL 1 as is asked for; it links shaders, or it does not. */
function context(links: boolean, renderer: string): object {
  const known: Record<string, unknown> = {
    getParameter: () => renderer,
    getProgramParameter: () => links,
    getProgramInfoLog: () => "",
    getExtension: () => null,
    isContextLost: () => false,
    createProgram: () => ({}),
    createShader: () => ({}),
    createTexture: () => ({}),
  };
  return new Proxy(known, { get: (of, name) => of[String(name)] ?? (() => null) });
}

async function painterOf(gl: object | null) {
  const canvas = { getContext: (kind: string) => (kind === "webgl" ? gl : null), addEventListener: () => undefined, width: 0, height: 0 };
  vi.stubGlobal("document", { createElement: () => canvas });
  const { WebGlPainter } = await import("./webgl");
  return WebGlPainter.on(canvas as unknown as HTMLCanvasElement, () => undefined);
}

describe("drawing by WebGL", () => {
  // What a page's browser can do is found out once.
  beforeEach(() => void vi.resetModules());
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("is left to others where there is none, where software does it, and where its shaders are refused", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    expect(await painterOf(null)).toBeNull();
    vi.resetModules();
    expect(await painterOf(context(true, "Google SwiftShader"))).toBeNull();
    vi.resetModules();
    expect(await painterOf(context(false, "A graphics processor"))).toBeNull();
  });

  it("needs no WebGL 2", async () => {
    const painter = await painterOf(context(true, "A graphics processor"));
    expect(painter?.kind).toBe("webgl");
    const planes = [new Uint8Array(4), new Uint8Array(1), new Uint8Array(1)];
    const content = { track: 0, width: 2, height: 2, planes, due: 0, pts: 0, layers: 1, isNew: true, reference: "none" as const, decodeMs: 0 };
    const image = { content, width: 2, height: 2, pixelAspect: 1, colorimetry: "", due: 0, pts: 0, isNew: true };
    expect(painter?.draw(image)).toBe(true);
  });
});
