//! Two futures at once: one that matters, and one that serves it or ends it.

use std::future::Future;
use std::pin::pin;

use futures::future::{Either, select};

use crate::bindings::wasi::clocks::monotonic_clock;

/// What `main` gives, if it gives it in time; else it is dropped, which calls it off.
pub(crate) async fn within<T>(nanoseconds: u64, main: impl Future<Output = T>) -> Option<T> {
    match select(pin!(main), pin!(monotonic_clock::wait_for(nanoseconds))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// What `main` gives, with `beside` driven as long as that takes, and dropped then.
pub(crate) async fn beside<T>(
    beside: impl Future<Output = ()>,
    main: impl Future<Output = T>,
) -> T {
    match select(pin!(main), pin!(beside)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), main)) => main.await,
    }
}
