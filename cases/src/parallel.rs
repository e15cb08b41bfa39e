//! Work on many items in several threads, with results in the order of the items.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How a worker begins, what it does with each item, and what is left of it at the end.
///
/// A worker's state never leaves its thread, so it may hold what cannot be shared.
pub(crate) trait Work<T: Sync>: Sync {
    /// What one worker keeps between items.
    type State;
    /// What becomes of one item.
    type Done: Send;
    /// What a worker leaves.
    type Left: Send;

    /// Begins a worker.
    fn begin(&self) -> Self::State;

    /// Does one item.
    fn each(&self, state: &mut Self::State, item: &T) -> Self::Done;

    /// Ends a worker.
    fn end(&self, state: Self::State) -> Self::Left;
}

/// Does `work` on each item with so many `workers`, who take the items `block` by block.
///
/// Gives what became of the items, in their order, and what each worker left, in no order.
pub(crate) fn each<T: Sync, W: Work<T>>(
    items: &[T],
    workers: usize,
    block: usize,
    work: &W,
) -> (Vec<W::Done>, Vec<W::Left>) {
    let blocks: Vec<&[T]> = items.chunks(block.max(1)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut state = work.begin();
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = blocks.get(at) else { break };
            let results: Vec<W::Done> =
                block.iter().map(|item| work.each(&mut state, item)).collect();
            done.push((at, results));
        }
        (done, work.end(state))
    };
    let workers = workers.clamp(1, blocks.len().max(1));
    let finished: Vec<_> = if workers == 1 {
        vec![worker()]
    } else {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            // A worker that fails must not look like one that had nothing to do.
            let joined = running.into_iter().map(|one| match one.join() {
                Ok(finished) => finished,
                Err(failure) => std::panic::resume_unwind(failure),
            });
            joined.collect()
        })
    };
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for (blocks, one) in finished {
        done.extend(blocks);
        left.push(one);
    }
    done.sort_by_key(|(at, _)| *at);
    (done.into_iter().flat_map(|(_, results)| results).collect(), left)
}

/// How many workers this machine has room for.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Doubles numbers and counts how many it did.
    struct Doubling;

    impl Work<u32> for Doubling {
        type State = usize;
        type Done = u32;
        type Left = usize;

        fn begin(&self) -> usize {
            0
        }

        fn each(&self, count: &mut usize, item: &u32) -> u32 {
            *count += 1;
            item * 2
        }

        fn end(&self, count: usize) -> usize {
            count
        }
    }

    #[test]
    fn results_have_the_order_of_the_items_however_many_work() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled: Vec<u32> = items.iter().map(|item| item * 2).collect();
        for (workers, block) in [(1, 1), (3, 7), (16, 64), (2, 5000)] {
            let (done, left) = each(&items, workers, block, &Doubling);
            assert_eq!(done, doubled);
            assert_eq!(left.iter().sum::<usize>(), items.len());
        }
        assert_eq!(each(&[], 4, 1, &Doubling), (vec![], vec![0]));
    }
}
