let turn = 0;
let begun = false;

function end(): void {
  begun = false;
}

/** The number of this turn of the event loop, for those who may take a share of each. A turn ends where sockets were polled. */
export function turnNumber(): number {
  if (!begun) {
    begun = true;
    turn += 1;
    setImmediate(end);
  }
  return turn;
}
