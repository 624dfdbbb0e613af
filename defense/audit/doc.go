// Package audit keeps an append-only log of decisions that shows afterwards whether somebody touched it.
//
// The log is a text file of JSON lines. Every line carries its number, the hash of the line before and its own hash, so
// that a line changed, removed, inserted or moved breaks the chain ([Verify]). Beside it lies a small head file with the
// number and hash of the last acknowledged line, so that a log cut short is found as well. Append returns only after the
// line and the head were forced to the disk.
//
// Whoever may rewrite both files can rewrite history. Two things prevent that: a secret key (the hashes become
// HMAC-SHA256), or the head, noted down in another place and handed to Verify.
package audit
