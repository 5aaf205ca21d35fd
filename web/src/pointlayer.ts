// Draws many points: with WebGL where there is one, otherwise by stamping into an image, which needs nothing and is still quick.

export interface PointBatch {
  /** Positions in pixels of the unzoomed picture, x and y in turn. */
  positions: Float32Array;
  /** Four bytes a point; alpha 0 hides it. */
  colors: Uint8Array;
  /** Which points to draw, last on top. */
  order: Uint32Array;
}
export interface View {
  width: number;
  height: number;
  scale: number;
  x: number;
  y: number;
  radius: number;
}

const vertex = `#version 300 es
in vec2 p; in vec4 c; uniform vec4 view; uniform vec2 size; uniform float radius; out vec4 color;
void main() {
  vec2 at = (p * view.x + view.yz) / size * 2.0 - 1.0;
  gl_Position = c.a == 0.0 ? vec4(9.0, 9.0, 0.0, 1.0) : vec4(at.x, -at.y, 0.0, 1.0);
  gl_PointSize = radius * 2.0 + 1.0; color = c;
}`;
const fragment = `#version 300 es
precision highp float; in vec4 color; uniform float radius; out vec4 o;
void main() {
  float d = length(gl_PointCoord - 0.5) * (radius * 2.0 + 1.0);
  float a = color.a * clamp(radius + 0.5 - d, 0.0, 1.0);
  o = vec4(color.rgb * a, a);
}`;

export class PointLayer {
  canvas: HTMLCanvasElement = document.createElement("canvas");
  private gl: GlPoints | null;

  /**
   * @param many Whether there are so many points that WebGL without a graphics processor would be slower than stamping.
   * @param lost Called when the graphics processor has gone (a laptop slept): the canvas was replaced, draw again.
   */
  constructor(many: boolean, lost: () => void) {
    this.gl = GlPoints.tryCreate(this.canvas, many);
    // A canvas that was given to WebGL in vain cannot be drawn on otherwise.
    if (!this.gl) this.canvas = document.createElement("canvas");
    this.canvas.dataset.renderer = this.gl ? "webgl" : "image";
    this.canvas.addEventListener("webglcontextlost", () => {
      this.gl = null;
      const fresh = document.createElement("canvas");
      fresh.className = this.canvas.className;
      fresh.dataset.renderer = "image";
      this.canvas.replaceWith(fresh);
      this.canvas = fresh;
      lost();
    });
  }

  /** To be called when positions, colours or order changed. */
  upload(batch: PointBatch): void {
    this.gl?.upload(batch);
  }

  /** @param moving The view is changing: fewer points will do where all would be slow. */
  draw(batch: PointBatch, view: View, moving: boolean, ratio = Math.min(devicePixelRatio || 1, 2)): void {
    const w = Math.round(view.width * ratio), h = Math.round(view.height * ratio);
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    this.canvas.style.width = view.width + "px";
    this.canvas.style.height = view.height + "px";
    if (this.gl) this.gl.draw(view, ratio);
    else stamp(this.canvas, batch, view, ratio, moving ? Math.ceil(batch.order.length / 25_000) : 1);
  }
}

/** Draws without WebGL; also for pictures that are saved. */
export function stamp(canvas: HTMLCanvasElement, batch: PointBatch, view: View, ratio: number, step = 1): void {
  const pen = canvas.getContext("2d")!, w = canvas.width, h = canvas.height;
  const image = pen.createImageData(w, h), out = image.data;
  const r = view.radius * ratio, size = Math.ceil(r) * 2 + 2, half = size / 2;
  // The pixels of a disc and how much of each it covers.
  const dx: number[] = [], dy: number[] = [], cover: number[] = [];
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const a = Math.max(0, Math.min(1, r + 0.5 - Math.hypot(x + 0.5 - half, y + 0.5 - half)));
      if (a > 0) {
        dx.push(x);
        dy.push(y);
        cover.push(a);
      }
    }
  const { positions, colors, order } = batch, n = cover.length;
  for (let k = 0; k < order.length; k += step) {
    const i = order[k]!, alpha = colors[i * 4 + 3]! / 255;
    if (alpha === 0) continue;
    const left = Math.round((positions[i * 2]! * view.scale + view.x) * ratio - half), top = Math.round((positions[i * 2 + 1]! * view.scale + view.y) * ratio - half);
    if (left + size < 0 || top + size < 0 || left >= w || top >= h) continue;
    const inside = left >= 0 && top >= 0 && left + size <= w && top + size <= h;
    const red = colors[i * 4]!, green = colors[i * 4 + 1]!, blue = colors[i * 4 + 2]!;
    for (let m = 0; m < n; m++) {
      const x = left + dx[m]!, y = top + dy[m]!;
      if (!inside && (x < 0 || y < 0 || x >= w || y >= h)) continue;
      const o = (y * w + x) * 4, a = cover[m]! * alpha, under = out[o + 3]!;
      if (under === 0) {
        out[o] = red;
        out[o + 1] = green;
        out[o + 2] = blue;
        out[o + 3] = a * 255;
        continue;
      }
      const below = (under / 255) * (1 - a), f = a / (a + below);
      out[o] = out[o]! + (red - out[o]!) * f;
      out[o + 1] = out[o + 1]! + (green - out[o + 1]!) * f;
      out[o + 2] = out[o + 2]! + (blue - out[o + 2]!) * f;
      out[o + 3] = (a + below) * 255;
    }
  }
  pen.putImageData(image, 0, 0);
}

function inSoftware(gl: WebGL2RenderingContext): boolean {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  return info !== null && /swiftshader|llvmpipe|software|basic render/i.test(String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)));
}

class GlPoints {
  private count = 0;

  private constructor(private readonly gl: WebGL2RenderingContext, private program: WebGLProgram, private buffers: [WebGLBuffer, WebGLBuffer, WebGLBuffer]) {}

  static tryCreate(canvas: HTMLCanvasElement, fast: boolean): GlPoints | null {
    const options: WebGLContextAttributes = { antialias: false, alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true };
    const gl = canvas.getContext("webgl2", options) as WebGL2RenderingContext | null;
    if (!gl || (fast && inSoftware(gl))) return null;
    const program = gl.createProgram()!;
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, "p");
    gl.bindAttribLocation(program, 1, "c");
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
    return new GlPoints(gl, program, [gl.createBuffer()!, gl.createBuffer()!, gl.createBuffer()!]);
  }

  upload(batch: PointBatch): void {
    const { gl } = this, [p, c, o] = this.buffers;
    gl.bindBuffer(gl.ARRAY_BUFFER, p);
    gl.bufferData(gl.ARRAY_BUFFER, batch.positions, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, c);
    gl.bufferData(gl.ARRAY_BUFFER, batch.colors, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, o);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, batch.order, gl.STATIC_DRAW);
    this.count = batch.order.length;
  }

  draw(view: View, ratio: number): void {
    const { gl, program } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(program);
    gl.uniform4f(gl.getUniformLocation(program, "view"), view.scale, view.x, view.y, 0);
    gl.uniform2f(gl.getUniformLocation(program, "size"), view.width, view.height);
    gl.uniform1f(gl.getUniformLocation(program, "radius"), view.radius * ratio);
    gl.drawElements(gl.POINTS, this.count, gl.UNSIGNED_INT, 0);
  }
}
