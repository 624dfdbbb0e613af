// Compare what an ONNX file gives in ONNX Runtime with what it gives here, number by number.
//
//   npm install --ignore-scripts onnxruntime-node
//   node scripts/check_ort.mjs ./plumbline MODEL.onnx [images]
//
// feeds random network inputs to both, prints the largest absolute difference of every output, and fails above
// 1e-4. The embedding is compared with image_embeds, the last tokens with last_hidden_state, as far as the file
// has outputs of these names.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const ort = require("onnxruntime-node");
const [command, file, count = "4"] = process.argv.slice(2);

function writeNpy(name, data, shape) {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const magic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  fs.writeFileSync(name, Buffer.concat([magic, Buffer.from(header, "latin1"), Buffer.from(data.buffer)]));
}

function readNpy(name) {
  const b = fs.readFileSync(name);
  const start = 10 + b.readUInt16LE(8);
  return Float32Array.from({ length: (b.length - start) / 4 }, (_, i) => b.readFloatLE(start + 4 * i));
}

const spec = JSON.parse(execFileSync(command, ["inspect", file, "--json"]));
const [height, width] = spec.spec.image_size;
const n = Number(count);
let seed = 1;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 * 4 - 2; // about the range of normalised pixels
const data = Float32Array.from({ length: n * 3 * height * width }, random);

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "check-ort-"));
writeNpy(path.join(dir, "in.npy"), data, [n, 3, height, width]);
execFileSync(command, ["encode", file, "--in", path.join(dir, "in.npy"), "--tap", "embedding,tokens", "--out", dir]);

const session = await ort.InferenceSession.create(file);
const out = await session.run({ [session.inputNames[0]]: new ort.Tensor("float32", data, [n, 3, height, width]) });
let worst = 0;
for (const [tap, name] of [["embedding", "image_embeds"], ["tokens", "last_hidden_state"]]) {
  if (!out[name]) continue;
  const ours = readNpy(path.join(dir, tap + ".npy"));
  const largest = out[name].data.reduce((m, v, i) => Math.max(m, Math.abs(v - ours[i])), 0);
  console.log(`${tap} of ${n} inputs: largest difference ${largest.toExponential(1)} over ${ours.length} numbers`);
  worst = Math.max(worst, ours.length === out[name].data.length ? largest : Infinity);
}
fs.rmSync(dir, { recursive: true });
process.exit(worst <= 1e-4 ? 0 : 1);
