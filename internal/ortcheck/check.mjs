// Runs exported graphs in ONNX Runtime and compares with what our engine computed.
//
//   npm install --no-save --ignore-scripts onnxruntime-node@1.30.0
//   PLUMBLINE_ORT_DIR=$PWD/out go test ../../encoder -run TestExportGradient
//   PLUMBLINE_ORT_DIR=$PWD/ops go test ../graph -run TestWriteForORT
//   node check.mjs out && node check.mjs ops
//
// Every folder below the argument holds gradient.onnx, forward.onnx, backward.onnx, inputs in.NAME.npy and
// results out.NAME.npy. Prints the relative L2 distance of each gradient and fails above 1e-4.
import fs from 'node:fs';
import path from 'node:path';
import ort from 'onnxruntime-node';

function readNpy(file) {
  const b = fs.readFileSync(file);
  const start = b[6] === 1 ? 10 : 12;
  const size = b[6] === 1 ? b.readUInt16LE(8) : b.readUInt32LE(8);
  const header = b.toString('latin1', start, start + size);
  const dims = /'shape':\s*\(([^)]*)\)/.exec(header)[1].split(',').map((s) => s.trim()).filter(Boolean).map(Number);
  const data = new Float32Array(dims.reduce((a, d) => a * d, 1));
  data.forEach((_, i) => { data[i] = b.readFloatLE(start + size + 4 * i); });
  return new ort.Tensor('float32', data, dims);
}

function named(dir, kind) {
  const out = {};
  for (const f of fs.readdirSync(dir)) {
    if (f.startsWith(kind + '.') && f.endsWith('.npy')) out[f.slice(kind.length + 1, -4)] = readNpy(path.join(dir, f));
  }
  return out;
}

function distance(a, b) {
  let d = 0, n = 0;
  b.forEach((w, i) => { d += (a[i] - w) ** 2; n += w * w; });
  return Math.sqrt(d / n);
}

async function run(file, values) {
  const s = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = {};
  for (const name of s.inputNames) feeds[name] = values[name];
  return s.run(feeds);
}

let worst = 0, failed = 0, count = 0;
for (const id of fs.readdirSync(process.argv[2]).sort()) {
  const dir = path.join(process.argv[2], id);
  try {
    const given = named(dir, 'in'), wanted = named(dir, 'out');
    if (fs.existsSync(path.join(dir, 'model.onnx'))) { // a single operator
      const got = (await run(path.join(dir, 'model.onnx'), given)).out0;
      const far = String(got.dims) === String(wanted.out0.dims) ? distance(got.data, wanted.out0.data) : Infinity;
      if (!(far <= 1e-4)) { failed++; console.log(id.padEnd(44), far); } else worst = Math.max(worst, far);
      count++;
      continue;
    }
    const want = wanted.gradient.data;
    const whole = distance((await run(path.join(dir, 'gradient.onnx'), given)).gradient.data, want);
    const between = await run(path.join(dir, 'forward.onnx'), given);
    const parts = distance((await run(path.join(dir, 'backward.onnx'), { ...given, ...between })).gradient.data, want);
    console.log(id.padEnd(44), whole.toExponential(1), parts.toExponential(1));
    worst = Math.max(worst, whole, parts);
    if (!(whole <= 1e-4 && parts <= 1e-4)) failed++;
  } catch (e) {
    console.log(id.padEnd(44), String(e.message).slice(0, 300));
    failed++;
  }
  count++;
}
console.log(`${count - failed} passed, ${failed} failed; worst ${worst.toExponential(1)}`);
process.exit(failed ? 1 : 0);
