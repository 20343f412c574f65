import { Observable } from 'rxjs';

/**
 * Groups what comes until `weight` of a group reaches `full` or `wait` ms have passed since its first. rxjs's
 * own buffers count items, and one of ours can hold a single sample or thousands.
 */
export function batches<T>(
  weight: (item: T) => number,
  full: number,
  wait: number,
): (source: Observable<T>) => Observable<readonly T[]> {
  return (source) =>
    new Observable((subscriber) => {
      let group: T[] = [];
      let sum = 0;
      let timer: NodeJS.Timeout | undefined;
      const flush = () => {
        clearTimeout(timer);
        timer = undefined;
        if (group.length === 0) return;
        const done = group;
        group = [];
        sum = 0;
        subscriber.next(done);
      };
      const subscription = source.subscribe({
        next(item) {
          group.push(item);
          sum += weight(item);
          if (sum >= full) flush();
          else timer ??= setTimeout(flush, wait);
        },
        error: (error: unknown) => subscriber.error(error),
        complete() {
          flush();
          subscriber.complete();
        },
      });
      return () => {
        clearTimeout(timer);
        subscription.unsubscribe();
      };
    });
}
