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

/**
 * What all who do the same kind of work may take of one turn together: in equal parts, none smaller than `smallest`. Where
 * more come than there were in the last turn, those who come when all has been given away get the smallest.
 */
export class TurnPool {
  readonly #total: number;
  readonly #smallest: number;
  #turn = 0;
  #members = 0;
  #part: number;
  #left: number;

  constructor(total: number, smallest: number) {
    this.#total = total;
    this.#smallest = smallest;
    this.#part = total;
    this.#left = total;
  }

  /** One more takes part in this turn. Returns how much it may take: the members are taken to be as many as last time. */
  join(number: number): number {
    if (number !== this.#turn) {
      this.#turn = number;
      this.#part = this.#total / Math.max(this.#members, 1);
      this.#members = 0;
      this.#left = this.#total;
    }
    this.#members += 1;
    const given = Math.max(Math.min(this.#part, this.#left), this.#smallest);
    this.#left -= given;
    return given;
  }
}
