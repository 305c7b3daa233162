// Drawing by WebGL: planes are textures of one byte a sample, a shader makes RGB of them.
import { conversion } from "./colour";
import { type Image, canvasSize, isFrame } from "./image";
import type { Painter } from "./painter";
import type { Picture } from "../../types";

type Gl = WebGLRenderingContext | WebGL2RenderingContext;

const VERTEX = `
attribute vec2 corner;
varying vec2 at;
void main() {
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `
precision highp float;
varying vec2 at;
uniform sampler2D luma, cb, cr;
uniform vec2 chromaScale;
uniform mat3 matrix;
uniform vec3 offset;
uniform int kind;
void main() {
  vec3 sample = vec3(texture2D(luma, at).r, 0.5019608, 0.5019608);
  if (kind == 1) sample.yz = vec2(texture2D(cb, at * chromaScale).r, texture2D(cr, at * chromaScale).r);
  vec3 colour = kind == 2 ? texture2D(luma, at).rgb : sample * matrix + offset;
  gl_FragColor = vec4(colour, 1.0);
}`;

const enum Kind {
  Grey = 0,
  Yuv = 1,
  Rgb = 2,
}

/** What lives in the graphics context and goes with it. */
interface Scene {
  textures: WebGLTexture[];
  uniform(name: string): WebGLUniformLocation | null;
}

/** Renderers that draw with the processor; they take a core for what Canvas 2D does in a fraction of one. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

let isFast: boolean | null = null;

function contextOf(canvas: HTMLCanvasElement): Gl | null {
  const options: WebGLContextAttributes = {
    alpha: false,
    antialias: false,
    depth: false,
    // What was drawn last stays readable: `toDataURL` and screenshots of the canvas show it.
    preserveDrawingBuffer: true,
    failIfMajorPerformanceCaveat: true,
  };
  return canvas.getContext("webgl2", options) ?? canvas.getContext("webgl", options);
}

/** Whether a graphics processor draws, and takes the shaders. Browsers do not count all that is software as a performance caveat. */
function probe(): boolean {
  const gl = contextOf(document.createElement("canvas"));
  if (!gl) return false;
  const details = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(details ? details.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const canDraw = !SOFTWARE.test(renderer) && build(gl) !== null;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return canDraw;
}

/** Draws by WebGL 2 or 1. */
export class WebGlPainter implements Painter {
  private scene: Scene | null;
  private colours = "";
  private readonly maxSize: number;

  /** Null where the browser has no WebGL, or does it in software. */
  static on(canvas: HTMLCanvasElement, redraw: () => void): WebGlPainter | null {
    isFast ??= probe();
    // A canvas that had a context of one kind never gets one of another: this one is asked only when it is sure.
    const gl = isFast ? contextOf(canvas) : null;
    return gl ? new WebGlPainter(canvas, gl, redraw) : null;
  }

  private constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly gl: Gl,
    private readonly redraw: () => void,
  ) {
    this.scene = build(gl);
    this.maxSize = Number(gl.getParameter(gl.MAX_TEXTURE_SIZE)) || 4096;
    canvas.addEventListener("webglcontextlost", this.onLost);
    canvas.addEventListener("webglcontextrestored", this.onRestored);
  }

  get kind(): string {
    return isVersion2(this.gl) ? "webgl2" : "webgl";
  }

  draw(image: Image): boolean {
    const { gl, scene, canvas } = this;
    if (!scene || gl.isContextLost() || Math.max(image.width, image.height) > this.maxSize) return false;
    const size = canvasSize(image);
    if (canvas.width !== size.width) canvas.width = size.width;
    if (canvas.height !== size.height) canvas.height = size.height;
    gl.viewport(0, 0, canvas.width, canvas.height);
    const { content } = image;
    if (isFrame(content)) this.uploadFrame(scene, content);
    else this.uploadPlanes(scene, content, image);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    return true;
  }

  dispose(): void {
    this.canvas.removeEventListener("webglcontextlost", this.onLost);
    this.canvas.removeEventListener("webglcontextrestored", this.onRestored);
    // A page may have sixteen of these contexts; this one is given back now and not when memory is collected.
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.scene = null;
  }

  private readonly onLost = (event: Event): void => {
    // Without this the browser does not restore it.
    event.preventDefault();
    this.scene = null;
  };

  private readonly onRestored = (): void => {
    this.scene = build(this.gl);
    this.colours = "";
    this.redraw();
  };

  private uploadFrame(scene: Scene, frame: VideoFrame): void {
    const { gl } = this;
    bind(gl, scene, 0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, frame);
    gl.uniform1i(scene.uniform("kind"), Kind.Rgb);
  }

  private uploadPlanes(scene: Scene, picture: Picture, image: Image): void {
    const { gl } = this;
    const { width, height, planes } = picture;
    const chromaWidth = (width + 1) >> 1;
    const chromaHeight = (height + 1) >> 1;
    planes.forEach((plane, at) => {
      bind(gl, scene, at);
      const [w, h] = at === 0 ? [width, height] : [chromaWidth, chromaHeight];
      if (isVersion2(gl)) {
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, w, h, 0, gl.RED, gl.UNSIGNED_BYTE, plane);
      } else {
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.LUMINANCE, w, h, 0, gl.LUMINANCE, gl.UNSIGNED_BYTE, plane);
      }
    });
    gl.uniform1i(scene.uniform("kind"), planes.length === 1 ? Kind.Grey : Kind.Yuv);
    // The last column and row of chroma of an odd size reach half beyond the picture.
    gl.uniform2f(scene.uniform("chromaScale"), width / (2 * chromaWidth), height / (2 * chromaHeight));
    this.setColours(scene, image);
  }

  private setColours(scene: Scene, { colorimetry, height }: Image): void {
    const key = `${colorimetry} ${height > 576}`;
    if (this.colours === key) return;
    this.colours = key;
    const { matrix, offset } = conversion(colorimetry, height);
    // Rows are given where WebGL takes columns: the shader multiplies from the left for that.
    this.gl.uniformMatrix3fv(scene.uniform("matrix"), false, matrix);
    this.gl.uniform3fv(scene.uniform("offset"), offset);
  }
}

/** Browsers without WebGL 2 do not know the name of its class either. */
function isVersion2(gl: Gl): gl is WebGL2RenderingContext {
  return typeof WebGL2RenderingContext !== "undefined" && gl instanceof WebGL2RenderingContext;
}

function bind(gl: Gl, scene: Scene, at: number): void {
  gl.activeTexture(gl.TEXTURE0 + at);
  gl.bindTexture(gl.TEXTURE_2D, scene.textures[at] ?? null);
}

/** Null where the context is lost in the meantime, or refuses the shaders. */
function build(gl: Gl): Scene | null {
  const program = gl.createProgram();
  if (!program) return null;
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(type);
    if (!shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, "corner");
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    if (!gl.isContextLost()) console.error("stream-player: shaders:", gl.getProgramInfoLog(program));
    return null;
  }
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  const locations = new Map<string, WebGLUniformLocation | null>();
  const uniform = (name: string): WebGLUniformLocation | null => {
    let location = locations.get(name);
    if (location === undefined) locations.set(name, (location = gl.getUniformLocation(program, name)));
    return location;
  };
  const textures = ["luma", "cb", "cr"].map((name, at) => {
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + at);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    // Sizes that are not powers of two need this in WebGL 1.
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.uniform1i(uniform(name), at);
    return texture;
  });
  return { textures: textures.filter((texture) => texture !== null), uniform };
}
