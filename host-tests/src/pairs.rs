//! Lists of name and value as the ABI writes them.
//!
//! The format: a 32-bit little-endian count; for each pair the length of its name and of its
//! value, 32 bits each; then each name and each value, each followed by one zero byte that its
//! length does not count.
//! Reading is as strict as the proxy's own reader: a list that is too long, too large, cut off,
//! unterminated or followed by anything is no list at all.

/// Most pairs that are read from a guest; the proxy's own limit.
pub(crate) const COUNT_MAX: usize = 1024;

/// Most bytes of a list that is read from a guest; the proxy's own limit.
pub(crate) const BYTES_MAX: usize = 1024 * 1024;

/// Names and values, in order, as bytes.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Writes pairs in the ABI's format.
pub(crate) fn encode<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_length(&mut bytes, pairs.clone().count());
    for (name, value) in pairs.clone() {
        push_length(&mut bytes, name.len());
        push_length(&mut bytes, value.len());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    bytes
}

/// Reads pairs in the ABI's format; nothing where the bytes are not exactly one list.
pub(crate) fn decode(bytes: &[u8]) -> Option<Pairs> {
    if bytes.len() > BYTES_MAX {
        return None;
    }
    let mut rest = bytes;
    let count = take_length(&mut rest)?;
    if count > COUNT_MAX {
        return None;
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        lengths.push((take_length(&mut rest)?, take_length(&mut rest)?));
    }
    let mut pairs = Vec::with_capacity(count);
    for (name, value) in lengths {
        pairs.push((take_terminated(&mut rest, name)?, take_terminated(&mut rest, value)?));
    }
    rest.is_empty().then_some(pairs)
}

/// Appends a length; what does not fit in 32 bits cannot lie in a guest's memory either.
fn push_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// Takes a 32-bit number off the front.
fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    usize::try_from(u32::from_le_bytes(*head)).ok()
}

/// Takes `length` bytes and the zero byte behind them off the front.
fn take_terminated(rest: &mut &[u8], length: usize) -> Option<Vec<u8>> {
    let (taken, tail) = rest.split_at_checked(length)?;
    let (zero, tail) = tail.split_first()?;
    *rest = tail;
    (*zero == 0).then(|| taken.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pairs, one value empty, written by hand from the format's description.
    const TWO: &[u8] = b"\x02\0\0\0\x05\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0:path\0/ab\0x\0\0";

    #[test]
    fn reads_and_writes_the_same_bytes() {
        let pairs = decode(TWO).unwrap();
        assert_eq!(pairs, vec![(b":path".to_vec(), b"/ab".to_vec()), (b"x".to_vec(), Vec::new())]);
        assert_eq!(encode(pairs.iter().map(|(n, v)| (n.as_slice(), v.as_slice()))), TWO);
    }

    #[test]
    fn refuses_what_is_not_exactly_one_list() {
        for cut in 0..TWO.len() {
            assert_eq!(decode(&TWO[..cut]), None, "cut at {cut}");
        }
        let mut longer = TWO.to_vec();
        longer.push(0);
        assert_eq!(decode(&longer), None);
        let mut unterminated = TWO.to_vec();
        *unterminated.last_mut().unwrap() = b'!';
        assert_eq!(decode(&unterminated), None);
        assert_eq!(decode(&[0xff; 64]), None);
    }

    #[test]
    fn an_empty_list_is_four_zero_bytes() {
        assert_eq!(decode(&[0; 4]), Some(Vec::new()));
        assert_eq!(encode(std::iter::empty()), vec![0; 4]);
    }
}
