//! Changing a body as the proxy allows it.
//!
//! A guest can put bytes in front of a body, behind it, or in the place of all of it.
//! Envoy has no change in the middle: such a call is refused.

use crate::abi::Status;

/// Writes `data` over `length` bytes at `start`, where that means prepend, append or replace all.
pub(crate) fn write(
    buffer: &mut Vec<u8>,
    start: usize,
    length: usize,
    data: &[u8],
) -> Result<(), Status> {
    if start == 0 && length == 0 {
        buffer.splice(0..0, data.iter().copied());
    } else if start == 0 && length >= buffer.len() {
        buffer.clear();
        buffer.extend_from_slice(data);
    } else if start > 0 && start >= buffer.len() {
        buffer.extend_from_slice(data);
    } else {
        return Err(Status::BadArgument);
    }
    Ok(())
}

/// The part of a buffer that a guest asks for, cut to what there is.
pub(crate) fn slice(buffer: &[u8], start: usize, length: usize) -> &[u8] {
    let end = start.saturating_add(length).min(buffer.len());
    buffer.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buffer `body` after one write, or why not.
    fn after(start: usize, length: usize, data: &str) -> Result<String, Status> {
        let mut buffer = b"body".to_vec();
        write(&mut buffer, start, length, data.as_bytes())?;
        Ok(String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn writes_are_prepend_append_or_replace() {
        assert_eq!(after(0, 0, "x").unwrap(), "xbody");
        assert_eq!(after(0, 4, "x").unwrap(), "x");
        assert_eq!(after(0, 99, "").unwrap(), "");
        assert_eq!(after(4, 0, "x").unwrap(), "bodyx");
        assert_eq!(after(99, 7, "x").unwrap(), "bodyx");
        assert_eq!(after(0, 2, "x"), Err(Status::BadArgument));
        assert_eq!(after(2, 1, "x"), Err(Status::BadArgument));
    }

    #[test]
    fn reads_are_cut_to_what_there_is() {
        assert_eq!(slice(b"body", 1, 2), b"od");
        assert_eq!(slice(b"body", 2, usize::MAX), b"dy");
        assert_eq!(slice(b"body", 9, 1), b"");
    }
}
