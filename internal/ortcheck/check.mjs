// Runs in ONNX Runtime what the tests of other packages leave in a folder, and compares with what our engine computed:
//
//   operators/ID  model.onnx: one operator
//   gradients/ID  gradient.onnx, and the same in two parts: forward.onnx, backward.onnx
//   saved/ID      saved.onnx, and original.txt with the path of the file it was read from, whose outputs must be the same
//   changed/ID    saved.onnx, saved after every weight was changed
//
// with inputs in.NAME.npy and results out.NAME.npy beside them; those of saved and changed lie in folders b1, b3 for the
// batches that the file takes. run.sh makes all of it. Results go to stdout; the exit code is 1 if one is further off than
// its limit (limit.txt, else 1e-4), by relative L2 distance.
import fs from 'node:fs';
import path from 'node:path';
import ort from 'onnxruntime-node';

const read = (dir, name) => fs.readFileSync(path.join(dir, name));
const has = (dir, name) => fs.existsSync(path.join(dir, name));

// named reads the arrays of one kind.
function named(dir, kind) {
  const out = {};
  for (const f of fs.readdirSync(dir)) {
    if (f.startsWith(kind + '.') && f.endsWith('.npy')) out[decodeURIComponent(f.slice(kind.length + 1, -4))] = readNpy(read(dir, f));
  }
  return out;
}

function readNpy(b) {
  const start = b[6] === 1 ? 10 : 12;
  const size = b[6] === 1 ? b.readUInt16LE(8) : b.readUInt32LE(8);
  const header = b.toString('latin1', start, start + size);
  const dims = /'shape':\s*\(([^)]*)\)/.exec(header)[1].split(',').map((s) => s.trim()).filter(Boolean).map(Number);
  const data = new Float32Array(dims.reduce((a, d) => a * d, 1));
  data.forEach((_, i) => { data[i] = b.readFloatLE(start + size + 4 * i); });
  return new ort.Tensor('float32', data, dims);
}

function distance(got, want) {
  if (String(got.dims) !== String(want.dims) && !(want.dims.length === 1 && got.data.length === want.data.length)) return Infinity;
  let d = 0, n = 0;
  want.data.forEach((w, i) => { d += (got.data[i] - w) ** 2; n += w * w; });
  return d === 0 ? 0 : Math.sqrt(d / n);
}

// furthest is the largest distance of wanted results.
const furthest = (got, want) => Math.max(...Object.keys(want).map((name) => distance(got[name], want[name])));

async function run(file, values) {
  const s = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const feeds = {};
  for (const name of s.inputNames) feeds[name] = values[name];
  return s.run(feeds);
}

// The distances of one folder of each kind.
const kinds = {
  async operators(dir) {
    return [furthest(await run(path.join(dir, 'model.onnx'), named(dir, 'in')), named(dir, 'out'))];
  },
  async gradients(dir) {
    const given = named(dir, 'in'), want = named(dir, 'out');
    const whole = await run(path.join(dir, 'gradient.onnx'), given);
    const between = await run(path.join(dir, 'forward.onnx'), given);
    const parts = await run(path.join(dir, 'backward.onnx'), { ...given, ...between });
    return [furthest(whole, want), furthest(parts, want)];
  },
  async saved(dir) {
    const far = [];
    for (const batch of ['b1', 'b3'].filter((b) => has(dir, b))) {
      const given = named(path.join(dir, batch), 'in');
      const got = await run(path.join(dir, 'saved.onnx'), given);
      far.push(furthest(got, named(path.join(dir, batch), 'out')));
      if (!has(dir, 'original.txt')) continue;
      const original = await run(String(read(dir, 'original.txt')), given);
      for (const name of Object.keys(original)) if (distance(got[name], original[name]) !== 0) throw new Error(`${batch}: ${name} differs from the original's`);
    }
    return far;
  },
};
kinds.changed = kinds.saved;

// absent tells that ONNX Runtime has no such operator for processors, or not for these types.
const absent = (e) => /not implemented|Could not find an implementation|No Op registered|Type '.*' of input parameter/i.test(e.message);

let failed = 0;
const root = process.argv[2];
for (const kind of fs.readdirSync(root).sort()) {
  let worst = 0, count = 0;
  const missing = [];
  for (const id of fs.readdirSync(path.join(root, kind)).sort()) {
    const dir = path.join(root, kind, id);
    try {
      const limit = has(dir, 'limit.txt') ? Number(read(dir, 'limit.txt')) : 1e-4;
      const far = await kinds[kind](dir);
      if (!(Math.max(...far) <= limit)) throw new Error(`distances ${far.map((d) => d.toExponential(1)).join(' ')}, limit ${limit}`);
      if (limit === 1e-4) worst = Math.max(worst, ...far);
      count++;
    } catch (e) {
      if (kind === 'operators' && absent(e)) { missing.push(id.replace(/^\d+_+/, '')); continue; }
      console.log(`FAILED ${kind} ${id}: ${String(e.message).slice(0, 300)}`);
      failed++;
    }
  }
  console.log(`${kind}: ${count} agree, the worst within ${worst.toExponential(1)}` + (missing.length ? `; ${missing.length} have no implementation there: ${missing.join(', ')}` : ''));
}
process.exit(failed ? 1 : 0);
