/** Stops this thread for so long, as a process is stopped by its system: no timer is called. It takes no processor. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
