//! Bodies: read whole, written whole.
//!
//! A body is a stream and, behind it, a future that says how it ended: with trailers, which are
//! dropped, or broken off. A stream that has ended is no body until that future has said so.

use wit_bindgen::{FutureReader, StreamReader, StreamResult};

use crate::bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use crate::bindings::{wit_future, wit_stream};

/// Bytes that are read at once.
const PART_BYTES: usize = 64 << 10;

/// How a body ends.
type End = Result<Option<Fields>, ErrorCode>;

/// A body on its way here.
pub(crate) struct Incoming {
    /// Its bytes.
    stream: StreamReader<u8>,
    /// How it ends.
    end: FutureReader<End>,
}

impl Incoming {
    /// The body of a request.
    pub(crate) fn of_request(request: Request) -> Incoming {
        let (_, outcome) = wit_future::new(|| Ok(()));
        let (stream, end) = Request::consume_body(request, outcome);
        Incoming { stream, end }
    }

    /// The body of a response.
    pub(crate) fn of_response(response: Response) -> Incoming {
        let (_, outcome) = wit_future::new(|| Ok(()));
        let (stream, end) = Response::consume_body(response, outcome);
        Incoming { stream, end }
    }
}

/// A body, if it is not over a cap; an error where it breaks off.
pub(crate) async fn whole(body: Incoming, bytes_max: usize) -> Result<Option<Vec<u8>>, ()> {
    let Incoming { mut stream, end } = body;
    let mut bytes = Vec::new();
    loop {
        let (result, part) = stream.read(Vec::with_capacity(PART_BYTES)).await;
        bytes.extend(part);
        if bytes.len() > bytes_max {
            return Ok(None);
        }
        match result {
            StreamResult::Complete(_) => {}
            StreamResult::Dropped => break,
            StreamResult::Cancelled => return Err(()),
        }
    }
    // SECURITY: a body that broke off ends its stream too; half of a body is never judged.
    match end.await {
        Ok(_trailers) => Ok(Some(bytes)),
        Err(_) => Err(()),
    }
}

/// A body on its way from here.
pub(crate) struct Outgoing {
    /// Its bytes; none where it is empty.
    pub(crate) stream: Option<StreamReader<u8>>,
    /// How it ends.
    pub(crate) end: FutureReader<End>,
}

impl Outgoing {
    /// A body, and what writes it.
    pub(crate) fn of(bytes: Vec<u8>) -> (Outgoing, impl Future<Output = ()>) {
        // SECURITY: what is called off while it is written has not ended: half of a body is none.
        let (ended, end) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
        let (writer, stream) = if bytes.is_empty() {
            (None, None)
        } else {
            let (writer, stream) = wit_stream::new();
            (Some(writer), Some(stream))
        };
        let writing = async move {
            if let Some(mut writer) = writer {
                let left = writer.write_all(bytes).await;
                if !left.is_empty() {
                    return;
                }
            }
            let _ = ended.write(Ok(None)).await;
        };
        (Outgoing { stream, end }, writing)
    }
}
