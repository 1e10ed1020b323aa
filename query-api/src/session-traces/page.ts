/** Pages whose items are written one by one, so that a page ends before it grows too large. Source: session-traces.md 2.6, section 11. */

export interface Page {
  limit: number;
  count: number;
  total: number | null;
  hasMore: boolean;
  nextCursor: string | null;
}

const pageCharactersMax = 16 * 1024 * 1024;

export interface WrittenItems<T> {
  readonly texts: readonly string[];
  readonly last: T | undefined;
  readonly hasMore: boolean;
}

/** The JSON of the first items: at most `limit`, at least one, and no more than fit a page. */
export function writeItems<T>(items: Iterable<T>, limit: number, toText: (item: T) => string): WrittenItems<T> {
  const writer = createItemWriter<T>(limit);
  const hasMore = writer.addAll(items, toText);
  return { texts: writer.texts, last: writer.last(), hasMore };
}

/** The same for items that come in several lists. */
export interface ItemWriter<T> {
  readonly texts: readonly string[];
  last(): T | undefined;
  /** Whether no further item can follow. */
  isFull(): boolean;
  /** @returns whether some did not fit: the page ends before them. */
  addAll(items: Iterable<T>, toText: (item: T) => string): boolean;
}

export function createItemWriter<T>(limit: number): ItemWriter<T> {
  const texts: string[] = [];
  let last: T | undefined;
  let size = 0;
  return {
    texts,
    last: () => last,
    isFull: () => texts.length >= limit,
    addAll(items, toText) {
      for (const item of items) {
        if (texts.length >= limit) return true;
        const text = toText(item);
        if (texts.length > 0 && size + text.length > pageCharactersMax) return true;
        texts.push(text);
        size += text.length;
        last = item;
      }
      return false;
    },
  };
}

/** A body whose member `data` is already written. Members before it, `data`, then those after it. */
export function writeBody(before: object, data: readonly string[], after: object): string {
  const head = JSON.stringify(before);
  const tail = JSON.stringify(after);
  const start = head === "{}" ? "{" : `${head.slice(0, -1)},`;
  return `${start}"data":[${data.join(",")}],${tail.slice(1)}`;
}
